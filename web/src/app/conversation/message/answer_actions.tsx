import type { MessageView } from "@throughline/client";
import { Code, RefreshCw } from "lucide-react";
import { CopyButton } from "../../../ui/copy_button.tsx";
import { IconButton } from "../../../ui/icon_button.tsx";
import { ActionRow } from "./action_row.tsx";
import { BranchStepper } from "./branch_stepper.tsx";
import { DetailsPopover } from "./details_popover.tsx";
import { RegenerateMenu } from "./regenerate_menu.tsx";

export interface AnswerActionsProps {
  message: MessageView;
  last: boolean;
  showsSource: boolean;
  onShowSource: (shows: boolean) => void;
}

export function AnswerActions({ message, last, showsSource, onShowSource }: AnswerActionsProps) {
  const hasText = message.content !== "";
  return (
    <ActionRow pinned={last && !message.live}>
      {() => (
        <>
          <BranchStepper message={message} />
          {hasText && <CopyButton label="Copy answer" text={message.content} />}
          {!message.live && (
            <RegenerateMenu
              message={message}
              trigger={
                <IconButton label="Answer again" size="sm">
                  <RefreshCw className="size-4" aria-hidden="true" />
                </IconButton>
              }
            />
          )}
          {hasText && (
            <IconButton
              label={showsSource ? "Hide source" : "Show source"}
              size="sm"
              aria-pressed={showsSource}
              onClick={() => onShowSource(!showsSource)}
              className={showsSource ? "bg-active text-ink" : ""}
            >
              <Code className="size-4" aria-hidden="true" />
            </IconButton>
          )}
          <DetailsPopover message={message} />
        </>
      )}
    </ActionRow>
  );
}
