import { Suspense } from "react";
import { lazily } from "../../../ui/lazily.tsx";
import type { SystemPromptDialogProps } from "./system_prompt_dialog.tsx";

const SystemPromptDialog = lazily(
  async () => (await import("./system_prompt_dialog.tsx")).SystemPromptDialog,
);

/** The dialog for the system prompt of a chat, fetched when it is first asked for. */
export function SystemPrompting(props: SystemPromptDialogProps) {
  return (
    <Suspense>
      <SystemPromptDialog {...props} />
    </Suspense>
  );
}
