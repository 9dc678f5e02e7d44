/** Operations that were asked for on this page, newest first: shown until they are dismissed. */

import type { Schemas } from "../api/client";
import { store } from "./store";

export type Operation = Schemas["OperationView"];

const asked = store<readonly string[]>([]);
export const useAsked = asked.use;

export function remember(operation: Operation): void {
  asked.set([operation.id, ...asked.now().filter((id) => id !== operation.id)]);
}

export function dismiss(operation: string): void {
  asked.set(asked.now().filter((id) => id !== operation));
}
