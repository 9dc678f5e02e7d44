/** A state in one word; never by colour alone. */

import type { Tone } from "./banner";

export function Badge({ tone, children }: { tone: Tone | "quiet"; children: string }) {
  return (
    <span className={`badge ${tone}`}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  );
}
