import type { MessageView } from "@throughline/client";
import type { ReactElement } from "react";
import { Menu, MenuGroup, MenuItem, MenuSeparator } from "../../../ui/menu.tsx";
import { useClient, useReadable } from "../../client.tsx";
import { useThread } from "../thread_context.ts";

/** Another answer to the same question: as it was asked, or by another model. */
export function RegenerateMenu({
  message,
  trigger,
}: {
  message: MessageView;
  trigger: ReactElement<Record<string, unknown>>;
}) {
  return (
    <Menu trigger={trigger}>
      <Choices message={message} />
    </Menu>
  );
}

function Choices({ message }: { message: MessageView }) {
  const models = useReadable(useClient().models);
  const { regenerate } = useThread();
  return (
    <>
      <MenuItem onSelect={() => regenerate(message.key)}>Answer again</MenuItem>
      {models.length > 0 && (
        <>
          <MenuSeparator />
          <MenuGroup label="By another model">
            {models.map((model) => (
              <MenuItem
                key={`${model.provider} ${model.id}`}
                onSelect={() => regenerate(message.key, model.id)}
              >
                {model.id}
              </MenuItem>
            ))}
          </MenuGroup>
        </>
      )}
    </>
  );
}
