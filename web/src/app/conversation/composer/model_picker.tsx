import { ChevronDown } from "lucide-react";
import { useReadable, useThroughline } from "../../../react/throughline.tsx";
import { Button } from "../../../ui/button.tsx";
import { Menu, MenuChoices } from "../../../ui/menu.tsx";

const standard = "";

/** Which model answers from now on. `null` is the installation's default. Nothing when there is nothing to choose from. */
export function ModelPicker({
  model,
  onChoose,
}: {
  model: string | null;
  onChoose: (model: string | null) => void;
}) {
  const models = useReadable(useThroughline().models);
  const byDefault = models.find((one) => one.default);
  if (models.length === 0 && model === null) return null;
  const shown = model ?? byDefault?.id ?? "Default model";
  return (
    <Menu
      side="top"
      trigger={
        <Button
          variant="quiet"
          size="sm"
          aria-label={`Model: ${shown}`}
          className="min-w-0 max-w-full shrink"
        >
          <span className="truncate">{shown}</span>
          <ChevronDown className="size-3.5 shrink-0" aria-hidden="true" />
        </Button>
      }
    >
      <MenuChoices
        value={model ?? standard}
        onChoose={(value) => onChoose(value === standard ? null : value)}
        choices={[
          { value: standard, text: "Default", detail: byDefault?.id },
          ...models.map((one) => ({ value: one.id, text: one.id, detail: one.provider })),
        ]}
      />
    </Menu>
  );
}
