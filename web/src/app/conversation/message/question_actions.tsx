import type { MessageView } from "@throughline/client";
import { Pencil } from "lucide-react";
import { CopyButton } from "../../../ui/copy_button.tsx";
import { IconButton } from "../../../ui/icon_button.tsx";
import { useThread } from "../thread_context.ts";
import { ActionRow } from "./action_row.tsx";
import { BranchStepper } from "./branch_stepper.tsx";

export function QuestionActions({ message }: { message: MessageView }) {
  const { edit } = useThread();
  return (
    <ActionRow pinned={false}>
      {() => (
        <>
          <BranchStepper message={message} />
          <CopyButton label="Copy question" text={message.content} />
          {message.id !== null && (
            <IconButton label="Edit question" size="sm" onClick={() => edit(message.key)}>
              <Pencil className="size-4" aria-hidden="true" />
            </IconButton>
          )}
        </>
      )}
    </ActionRow>
  );
}
