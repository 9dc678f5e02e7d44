/** What was typed into fields as what the API wants of them. */

import { t } from "../texts";
import { parseAmount } from "../units/amount";
import type { Unfit } from "../api/client";
import { Wrong } from "./refusal";

/** A number; what is none goes as null, and the API says so at its field. */
export function figure(text: string): number {
  const number = text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(number) ? number : (null as unknown as number);
}

/** Reads several fields; what is wrong with each is thrown together at the end. */
export class Reading {
  private readonly errors: Unfit[] = [];

  wrong(field: string, message: string): void {
    this.errors.push({ field, message });
  }

  /** Juels or wei as a decimal string, from LINK or coin. */
  amount(field: string, text: string): string {
    const parsed = parseAmount(text);
    if ("amount" in parsed) return String(parsed.amount);
    this.wrong(field, t.amount[parsed.problem === "empty" ? "unclear" : parsed.problem]);
    return "0";
  }

  /** Raises Wrong when anything was. */
  done<T>(read: T): T {
    if (this.errors.length > 0) throw new Wrong(this.errors);
    return read;
  }
}
