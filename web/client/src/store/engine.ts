/** The calls of the engine that the store makes; tests have an engine in the process. */
import type { Api } from "../protocol/api.ts";

export type Engine = Pick<
  Api,
  | "me"
  | "models"
  | "conversations"
  | "conversation"
  | "messages"
  | "change"
  | "remove"
  | "restore"
  | "begin"
  | "post"
  | "edit"
  | "regenerate"
  | "retry"
  | "cancel"
  | "activeStreams"
  | "changes"
  | "readStream"
>;
