/** Typing an amount of LINK: what was typed, what it means, what stands against it. */

import { useId, type ReactNode } from "react";

import { t } from "../texts";
import { exactAmount, parseAmount } from "../units/amount";

interface Props {
  label: string;
  text: string;
  change: (text: string) => void;
  /** Fills the field. */
  most: bigint | undefined;
  hint?: ReactNode;
  /** Why this amount will not do; shown once something is typed. */
  wrong?: string | null;
  disabled?: boolean;
}

/** The amount typed; undefined while there is none. */
export function typed(text: string): bigint | undefined {
  const parsed = parseAmount(text);
  return "amount" in parsed ? parsed.amount : undefined;
}

export function AmountField({ label, text, change, most, hint, wrong, disabled = false }: Props) {
  const id = useId();
  const parsed = parseAmount(text);
  const shown = "problem" in parsed && parsed.problem !== "empty" ? t.amount[parsed.problem] : text === "" ? null : wrong;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="amount-field" aria-invalid={shown ? true : undefined}>
        <input
          id={id}
          type="text"
          inputMode="decimal"
          autoComplete="off"
          placeholder="0.00"
          value={text}
          disabled={disabled}
          onChange={(event) => change(event.target.value)}
          aria-describedby={`${id}-hint ${id}-wrong`}
          aria-invalid={shown ? true : undefined}
        />
        <span className="unit">LINK</span>
        <button
          type="button"
          className="button small"
          disabled={disabled || most === undefined}
          onClick={() => change(exactAmount(most ?? 0n))}
        >
          {t.amount.most}
        </button>
      </div>
      <span className="wrong" id={`${id}-wrong`} role="alert">
        {shown}
      </span>
      <span className="hint" id={`${id}-hint`}>
        {hint}
      </span>
    </div>
  );
}
