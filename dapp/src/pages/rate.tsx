/** A yearly rate, or that nobody can say. */

import { t } from "../texts";
import { formatPercent } from "../units/number";

export function Rate({ value }: { value: number | null | undefined }) {
  return value == null ? <span className="quiet">{t.notEnough}</span> : <span>{formatPercent(value)}</span>;
}
