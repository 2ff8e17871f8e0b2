/** The sign of the product: a thread that runs on, and its living end. Beside words that say the same, so it has no name. */
export function Mark({ className = "size-5" }: { className?: string }) {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true" className={className}>
      <path
        d="M7 1.5C7 6 13 6.5 13 10.5S9.5 14 9.5 15.5"
        fill="none"
        stroke="var(--color-thread)"
        strokeWidth="1.75"
        strokeLinecap="round"
      />
      <circle cx="9.5" cy="16.5" r="2.25" fill="var(--color-thread)" />
    </svg>
  );
}
