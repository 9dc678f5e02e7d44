/** The catalog in force as the JSON that asks for it: asking for that again changes nothing. */

import type { Schemas } from "../api/client";

type Catalog = Schemas["CatalogView"];
type Bridge = Schemas["BridgeView"];

/** What asks for a bridge as it is; tokens and secrets are never shown, so they are asked to stay. */
function bridge({ name, urls, program, has_token, has_incoming_token, timeout, concurrency }: Bridge): [string, object] {
  const secret = has_token || has_incoming_token || (program?.secrets.length ?? 0) > 0;
  const rest = { timeout, concurrency, ...(secret ? { keep_secrets: true } : {}) };
  if (program === null) return [name, { urls, ...rest }];
  const { command, image, settings, sample } = program;
  return [name, { program: { command, image, settings, sample }, ...rest }];
}

/** Without what is on its way out. */
export function asked(catalog: Catalog): { jobs: object[]; bridges: Record<string, object> } {
  return {
    jobs: catalog.jobs.filter((job) => !job.leaving).map(({ text, offer }) => ({ text, offer })),
    bridges: Object.fromEntries(catalog.bridges.filter((each) => !each.leaving).map(bridge)),
  };
}
