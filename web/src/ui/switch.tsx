import { Switch as Base } from "@base-ui/react/switch";
import { useId } from "react";

export interface SwitchProps {
  label: string;
  /** What it does, below the label. */
  detail?: string | undefined;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean | undefined;
}

/** A setting that is on or off at once, with its label on the left. */
export function Switch({ label, detail, checked, onChange, disabled = false }: SwitchProps) {
  const labelId = useId();
  const detailId = useId();
  return (
    <div className="flex items-start gap-4">
      <div className="min-w-0 flex-1">
        <div id={labelId}>{label}</div>
        {detail !== undefined && (
          <div id={detailId} className="mt-0.5 text-soft text-sm">
            {detail}
          </div>
        )}
      </div>
      <Base.Root
        checked={checked}
        onCheckedChange={(next) => onChange(next)}
        disabled={disabled}
        aria-labelledby={labelId}
        aria-describedby={detail === undefined ? undefined : detailId}
        className={
          "relative inline-flex h-6 w-10 shrink-0 cursor-pointer items-center rounded-full border border-edge bg-hover px-0.5 " +
          "transition-colors duration-150 ease-calm data-[checked]:border-thread data-[checked]:bg-thread " +
          "data-[disabled]:cursor-default data-[disabled]:opacity-50"
        }
      >
        <Base.Thumb
          className={
            "size-4.5 rounded-full bg-edge transition-transform duration-150 ease-calm " +
            "data-[checked]:translate-x-4 data-[checked]:bg-on-thread"
          }
        />
      </Base.Root>
    </div>
  );
}
