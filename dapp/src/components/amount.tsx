/** Numbers that line up: amounts, shares, counts. */

import { useConfig } from "../config";
import { t } from "../texts";
import { exactAmount, formatAmount } from "../units/amount";

interface Props {
  /** In juels or wei. */
  value: string | bigint | null | undefined;
  places?: number;
  unit?: "LINK" | "coin" | "none";
  className?: string;
}

/** An amount, rounded toward zero; the exact one is a hover away. */
export function Amount({ value, places = 2, unit = "LINK", className = "" }: Props) {
  const { coin } = useConfig();
  if (value === null || value === undefined) return <None />;
  const amount = BigInt(value);
  const name = unit === "coin" ? coin : unit;
  return (
    <span className={`amount ${className}`} title={exactAmount(amount)}>
      {formatAmount(amount, places)}
      {unit !== "none" && <span className="unit"> {name}</span>}
    </span>
  );
}

/** What is not known or does not apply. */
export function None({ why = t.none }: { why?: string }) {
  return (
    <span className="none">
      <span aria-hidden="true">–</span>
      <span className="unseen">{why}</span>
    </span>
  );
}
