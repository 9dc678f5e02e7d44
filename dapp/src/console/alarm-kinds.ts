/** Where each kind of alarm is looked at in the console, and which page of docs/ explains it. */

export interface Place {
  page: "/console" | "/console/upgrades" | "/console/scaling" | "/console/money" | "/console/catalog";
  /** Below docs/. */
  doc: string;
}

const UPGRADES: Place = { page: "/console/upgrades", doc: "operating.md#upgrades" };
const TASKS: Place = { page: "/console", doc: "operating.md#upgrades" };
const CATALOG: Place = { page: "/console/catalog", doc: "operating.md#the-catalog" };
const MONEY: Place = { page: "/console/money", doc: "treasury.md#alarms" };
const SCALING: Place = { page: "/console/scaling", doc: "scaling.md#events-alarms-figures" };
const RETIRING: Place = { page: "/console", doc: "scaling.md#events-alarms-figures" };

/** Every kind that the control plane knows, those of one thing together. */
export const PLACES: Readonly<Record<string, Place>> = {
  rollout: UPGRADES,
  flapping: TASKS,
  unknown_group: TASKS,
  catalog_behind: CATALOG,
  offer_refused: CATALOG,
  offer_without_job: CATALOG,
  adapter_unwell: CATALOG,
  adapter_kept_old: CATALOG,
  treasury_low: MONEY,
  offers_held: MONEY,
  gas_limit: MONEY,
  slot_frozen: MONEY,
  revocation_waits: MONEY,
  node_without_gas: MONEY,
  price_feed_stale: MONEY,
  fee_below_costs: MONEY,
  scaling_held: SCALING,
  scaling_failed: SCALING,
  guard_blocks: SCALING,
  retirement_waits: RETIRING,
};

/** What only Prometheus can tell (deploy/prometheus/rules.yml); each has a page of its name in docs/runbooks. */
export const ALERTS = [
  "RequestMissed",
  "AnswersLate",
  "AnswersUnprofitable",
  "RunsFail",
  "ReplicaAlone",
  "ReplicaDown",
  "SenderStuck",
  "EndpointsDropped",
  "LogsMissed",
  "ReconciliationStuck",
  "NoLeader",
  "ControlPlaneDown",
  "IndexDiffers",
  "PoolAlarm",
] as const;
