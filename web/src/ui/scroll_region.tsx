import type { ReactNode } from "react";

// Reached by keyboard, because what scrolls must be; a group and not a landmark, because an answer may have dozens.
const region = { role: "group", tabIndex: 0 } as const;

/** What is wider than the page and scrolls by itself. `label` is its name, or the id of the element that has it. */
export function ScrollRegion(props: {
  className: string;
  label: { readonly text: string } | { readonly id: string };
  children: ReactNode;
}) {
  const { className, label, children } = props;
  const name = "id" in label ? { "aria-labelledby": label.id } : { "aria-label": label.text };
  return (
    <div className={className} {...region} {...name}>
      {children}
    </div>
  );
}
