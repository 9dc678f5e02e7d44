/** A scaling policy as it is typed, and as the API wants it. */

import type { Schemas } from "../api/client";
import { exactAmount } from "../units/amount";
import { figure, Reading } from "./typed";

type Policy = Schemas["ScalingPolicy"];
type Numbers = "floor" | "ceiling" | "ahead_hours" | "per_hour" | "per_day" | "window_seconds" | "rest_up_seconds" | "rest_down_seconds";
type Amounts = "stake_room" | "budget_per_day" | "slack";
/** Left empty, they do not count. */
type Free = "load" | "budget_per_month";

export type Draft = Record<Numbers | Amounts | Free, string> & { drain_staked: boolean };

/** Where a first policy begins: two nodes more than now, at most, and otherwise what the API takes by default. */
const ROOM = 2;

export function first(nodes: number): Draft {
  return {
    floor: String(Math.max(1, nodes)),
    ceiling: String(nodes + ROOM),
    stake_room: "50000",
    ahead_hours: "0",
    load: "",
    per_hour: "2",
    per_day: "6",
    budget_per_day: "1",
    budget_per_month: "",
    window_seconds: "3600",
    rest_up_seconds: "600",
    rest_down_seconds: "86400",
    slack: "50000",
    drain_staked: false,
  };
}

export function drafted(policy: Policy): Draft {
  return {
    floor: String(policy.floor),
    ceiling: String(policy.ceiling),
    stake_room: exactAmount(BigInt(policy.stake_room)),
    ahead_hours: String(policy.ahead_hours),
    load: policy.load == null ? "" : String(policy.load),
    per_hour: String(policy.per_hour),
    per_day: String(policy.per_day),
    budget_per_day: exactAmount(BigInt(policy.budget_per_day)),
    budget_per_month: policy.budget_per_month ?? "",
    window_seconds: String(policy.window_seconds),
    rest_up_seconds: String(policy.rest_up_seconds),
    rest_down_seconds: String(policy.rest_down_seconds),
    slack: exactAmount(BigInt(policy.slack)),
    drain_staked: policy.drain_staked,
  };
}

/** Raises Wrong for amounts that are none; the rest is the API's to judge. */
export function wanted(draft: Draft): Policy {
  const read = new Reading();
  return read.done({
    floor: figure(draft.floor),
    ceiling: figure(draft.ceiling),
    stake_room: read.amount("policy.stake_room", draft.stake_room),
    ahead_hours: figure(draft.ahead_hours),
    load: draft.load.trim() === "" ? null : figure(draft.load),
    per_hour: figure(draft.per_hour),
    per_day: figure(draft.per_day),
    budget_per_day: read.amount("policy.budget_per_day", draft.budget_per_day),
    budget_per_month: draft.budget_per_month.trim() || null,
    window_seconds: figure(draft.window_seconds),
    rest_up_seconds: figure(draft.rest_up_seconds),
    rest_down_seconds: figure(draft.rest_down_seconds),
    slack: read.amount("policy.slack", draft.slack),
    drain_staked: draft.drain_staked,
  });
}
