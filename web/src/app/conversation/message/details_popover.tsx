import type { MessageView } from "@throughline/client";
import { Info } from "lucide-react";
import { IconButton } from "../../../ui/icon_button.tsx";
import { Popover } from "../../../ui/popover.tsx";
import { useClient, useReadable } from "../../client.tsx";
import { detailsOf } from "./details.ts";

/** The numbers of an answer, for who wants them. */
export function DetailsPopover({ message }: { message: MessageView }) {
  return (
    <Popover
      title="About this answer"
      trigger={
        <IconButton label="About this answer" size="sm">
          <Info className="size-4" aria-hidden="true" />
        </IconButton>
      }
    >
      <Details message={message} />
    </Popover>
  );
}

/** Worked out when it is looked at. */
function Details({ message }: { message: MessageView }) {
  const models = useReadable(useClient().models);
  const provider = models.find((model) => model.id === message.model)?.provider ?? null;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {detailsOf(message, provider).map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-faint">{name}</dt>
          <dd className="break-words text-right tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
