/** The guard's source and marks as they are typed (shares in percent), and as the API wants them. */

import type { Schemas } from "../api/client";
import { c } from "../texts/console";
import { figure, Reading } from "./typed";

export type Settings = NonNullable<Schemas["PutGuard"]["guard"]>;
export type Kind = Settings["source"]["kind"];

export interface Draft {
  kind: Kind;
  nodes: string;
  url: string;
  path: string;
  allow_private: boolean;
  address: string;
  function: string;
  upper: string;
  lower: string;
}

const HUNDRED = 100;
/** What is shown of a URL in place of its query: a key may be in it. */
const HIDDEN = "?...";

const NONE: Draft = {
  kind: "number",
  nodes: "",
  url: "",
  path: "",
  allow_private: false,
  address: "",
  function: "nodeCount()",
  upper: "20",
  lower: "15",
};

/** Fields of the kinds that are not in force stay empty; so does a URL of which not all is shown. */
export function drafted(settings: Settings | null): Draft {
  if (!settings) return NONE;
  const { source } = settings;
  const marks = { upper: percent(settings.upper), lower: percent(settings.lower) };
  if (source.kind === "number") return { ...NONE, ...marks, kind: "number", nodes: String(source.nodes) };
  if (source.kind === "contract") return { ...NONE, ...marks, ...source };
  return { ...NONE, ...marks, ...source, url: source.url.endsWith(HIDDEN) ? "" : source.url };
}

const percent = (part: number) => String(Number((part * HUNDRED).toFixed(6)));

/** Raises Wrong for shares that are none; the rest is the API's to judge. */
export function wanted(draft: Draft): Settings {
  const read = new Reading();
  const share = (field: "upper" | "lower") => {
    const typed = figure(draft[field]);
    if (!(typed > 0 && typed <= HUNDRED)) read.wrong(`guard.${field}`, c.guard.badShare);
    return typed / HUNDRED;
  };
  return read.done({ source: source(draft), upper: share("upper"), lower: share("lower") });
}

function source({ kind, nodes, url, path, allow_private, address, function: view }: Draft): Settings["source"] {
  if (kind === "number") return { kind, nodes: figure(nodes) };
  if (kind === "url") return { kind, url: url.trim(), path: path.trim(), allow_private };
  return { kind, address: address.trim(), function: view.trim() };
}
