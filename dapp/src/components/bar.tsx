/** How full something is. */

interface Props {
  /** 0 to 1. */
  part: number;
  /** What is said instead of shown. */
  label: string;
  tone?: "accent" | "warn";
}

export function Bar({ part, label, tone = "accent" }: Props) {
  const shown = Math.max(0, Math.min(1, part));
  return (
    <span
      className={`bar ${tone}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(shown * 100)}
      aria-valuetext={label}
    >
      <span style={{ inlineSize: `${shown * 100}%` }} />
    </span>
  );
}
