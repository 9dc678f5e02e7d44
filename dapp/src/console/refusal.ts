/** Why something was refused, field by field, so that a form shows each reason where it belongs. */

import { Refused, type Unfit } from "../api/client";

/** What was typed will not do; said before anybody is asked. */
export class Wrong extends Error {
  constructor(readonly errors: readonly Unfit[]) {
    super(errors.map(({ message }) => message).join(" "));
    this.name = "Wrong";
  }
}

/** The API's words for a text that must look a certain way; the form knows better ones. */
const SHAPE = "String should match pattern";

/** The reasons in a failure, by field. A sentence that begins with a field's last word is about that field. */
export function reasons(failure: unknown, fields: readonly string[]): readonly Unfit[] {
  if (failure instanceof Wrong) return failure.errors;
  if (!(failure instanceof Refused)) return [];
  if (failure.errors.length > 0) return failure.errors;
  const [first] = failure.message.split(" ");
  const field = fields.find((each) => each.split(".").at(-1) === first);
  return field ? [{ field, message: failure.message }] : [];
}

/** Whether a reason is about this field, or something in it. */
export function isAbout(field: string, { field: found }: Unfit): boolean {
  return found === field || found.startsWith(`${field}.`);
}

/** Why this field will not do, if so. shape: how a text of it must look, in words. */
export function reasonFor(field: string, errors: readonly Unfit[], shape?: string): string | null {
  const message = errors.find((each) => isAbout(field, each))?.message;
  if (message === undefined) return null;
  return shape && message.startsWith(SHAPE) ? shape : message.replace(/^Value error, /, "");
}
