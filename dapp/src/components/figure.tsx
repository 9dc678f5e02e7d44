/** A few figures side by side, each with its name. */

import type { ReactNode } from "react";

export interface FigureProps {
  name: ReactNode;
  value: ReactNode;
  note?: ReactNode;
}

export function Figures({ children }: { children: ReactNode }) {
  return <dl className="figures">{children}</dl>;
}

export function Figure({ name, value, note }: FigureProps) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        <span className="value">{value}</span>
        {note && <span className="note">{note}</span>}
      </dd>
    </div>
  );
}
