/**
 * Who is at the console: a session that stands for an API token. The cookie is the browser's and no script's; what
 * changes need besides, the CSRF value, is kept here and told again after a reload.
 */

import { call, get, Refused, type Schemas } from "../api/client";
import { store } from "./store";

export type Session = Schemas["SessionView"];
export type Scope = "read" | "operate" | "admin";
/** Why nobody is logged in. */
export type Ended = "idle" | "over" | "out";

interface Standing {
  /** undefined: not known yet. null: nobody. */
  session: Session | null | undefined;
  ended?: Ended;
}

const SCOPES: readonly string[] = ["read", "operate", "admin"];

const standing = store<Standing>({ session: undefined });
export const useStanding = standing.use;

/** Whether a scope includes another one. */
export function includes(held: string, needed: Scope): boolean {
  return SCOPES.indexOf(held) >= SCOPES.indexOf(needed);
}

/** Whether who is logged in may do what needs this scope. */
export function useMay(needed: Scope): boolean {
  const { session } = useStanding();
  return includes(session?.scope ?? "", needed);
}

/** The session that this browser still has, if any. Raises Unreachable. */
export async function recall(): Promise<void> {
  try {
    standing.set({ session: await get("/api/v1/session") });
  } catch (failure) {
    if (!(failure instanceof Refused)) throw failure;
    standing.set({ session: null });
  }
}

/** Raises Refused (the token is not good), Unreachable. */
export async function enter(token: string): Promise<void> {
  standing.set({ session: await call("post", "/api/v1/session", { body: { token } }) });
}

/** The cookie is refused from now on, here and by the control plane. */
export async function leave(why: Ended): Promise<void> {
  const headers = meant();
  standing.set({ session: null, ended: why });
  await call("delete", "/api/v1/session", { headers }).catch(() => undefined); // it ends by itself in time
}

/** Headers of a change: that it was meant here. With a key, asking twice is asking once. */
export function meant(key?: string): Record<string, string> {
  return { "X-LinkPool-CSRF": standing.now().session?.csrf ?? "", ...(key ? { "Idempotency-Key": key } : {}) };
}

/** What was asked under the session; when it turns out to be over, the login is shown. */
export async function under<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (failure) {
    if (failure instanceof Refused && failure.status === 401) over();
    throw failure;
  }
}

/** The control plane does not know the session any more. */
export function over(): void {
  if (standing.now().session) standing.set({ session: null, ended: "over" });
}
