import { useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { Dialog } from "../../../ui/dialog.tsx";
import { lengthNote } from "../composer/size_limit.ts";

export interface SystemPromptDialogProps {
  prompt: string | null;
  onClose: () => void;
  onSave: (prompt: string | null) => void;
}

/** What the model is told before everything else in this chat. */
export function SystemPromptDialog({ prompt, onClose, onSave }: SystemPromptDialogProps) {
  const [text, setText] = useState(prompt ?? "");
  const note = lengthNote(text);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="System prompt"
      description="What the model is told before everything else in this chat. It holds from the next answer on."
      width="wide"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            disabled={note?.tooLong === true}
            onClick={() => {
              onSave(text.trim() === "" ? null : text);
              onClose();
            }}
          >
            Save
          </Button>
        </>
      }
    >
      <textarea
        value={text}
        dir="auto"
        aria-label="System prompt"
        rows={6}
        onChange={(event) => setText(event.currentTarget.value)}
        className="field-sizing-content max-h-composer min-h-32 w-full resize-none rounded-md border border-edge bg-canvas p-3 text-read"
      />
      {note !== null && <p className="mt-1 text-danger text-sm">{note.text}</p>}
    </Dialog>
  );
}
