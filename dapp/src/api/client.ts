/**
 * The control plane's API, typed by its own OpenAPI document: a path that does not exist, a parameter that is
 * missing or a field that is spelled wrong does not compile.
 */

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

type Verb = "get" | "post" | "put" | "patch" | "delete";
type Paths<V extends Verb> = {
  [P in keyof paths]: paths[P] extends Record<V, { responses: object }> ? P : never;
}[keyof paths];
type Operation<V extends Verb, P extends Paths<V>> = paths[P] extends Record<V, infer O> ? O : never;
type Json<R> = R extends { content: { "application/json": infer B } } ? B : undefined;
/** What a call answers when all is well. */
export type Answer<V extends Verb, P extends Paths<V>> =
  Operation<V, P> extends { responses: infer R } ? Json<R[Extract<keyof R, 200 | 201 | 202 | 204>]> : never;

type InPath<O> = O extends { parameters: { path: infer A } } ? A : undefined;
type InQuery<O> = O extends { parameters: { query?: infer A } } ? A : undefined;
type InBody<O> = O extends { requestBody?: { content: { "application/json": infer B } } } ? B : undefined;
export interface Options<O> {
  path?: InPath<O>;
  query?: InQuery<O>;
  body?: InBody<O>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A field that will not do: its place in the body, joined by dots, and why. */
export type Unfit = Schemas["Unfit"];

/** The control plane said no; `message` is its own sentence, `errors` those of it that are about one field. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly errors: readonly Unfit[] = [],
  ) {
    super(detail);
    this.name = "Refused";
  }
}

/** The control plane did not answer. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** One call. `path` fills the braces of the route. Raises Refused, Unreachable. */
export async function call<V extends Verb, P extends Paths<V>>(
  verb: V,
  route: P,
  options: Options<Operation<V, P>> = {},
): Promise<Answer<V, P>> {
  const { body, headers, signal } = options;
  let reply: Response;
  try {
    reply = await fetch(address(route, options), {
      method: verb.toUpperCase(),
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (failure) {
    if (signal?.aborted) throw failure;
    throw new Unreachable(String(failure));
  }
  const answer: unknown = reply.status === 204 ? undefined : await reply.json().catch(() => undefined);
  if (!reply.ok) throw refusal(reply, answer);
  return answer as Answer<V, P>;
}

/** Something to read. */
export function get<P extends Paths<"get">>(
  route: P,
  options: Options<Operation<"get", P>> = {},
): Promise<Answer<"get", P>> {
  return call("get", route, options);
}

function address(route: string, options: { path?: unknown; query?: unknown }): string {
  const values = (options.path ?? {}) as Record<string, string>;
  const path = route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const wanted = Object.entries((options.query ?? {}) as Record<string, unknown>).filter(
    ([, value]) => value !== undefined && value !== null,
  );
  const query = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)])).toString();
  return path + (query && `?${query}`);
}

function refusal(reply: Response, answer: unknown): Refused {
  const { detail, errors } = (answer ?? {}) as Partial<Schemas["Problem"]>;
  return new Refused(reply.status, typeof detail === "string" ? detail : reply.statusText, errors);
}
