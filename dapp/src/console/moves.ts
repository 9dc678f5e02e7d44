/** A node's upgrade as its four steps. Each is written down by the control plane before it is taken. */

import type { Tone } from "../components/banner";
import type { Step, StepState } from "../components/steps";
import { c } from "../texts/console";
import { formatDuration } from "../units/number";
import type { Move, Rollout } from "./queries";

/** The states of a move that belong to each step. */
const STEPS: readonly (readonly Move["state"][])[] = [
  ["starting", "proving"],
  ["switching", "primary"],
  ["draining"],
  ["removing"],
];
export const OVER: readonly string[] = ["done", "aborted", "failed"];
const ENDED: readonly string[] = ["done", "returned", "skipped"];

export const TONES: Record<Rollout["state"], Tone | "quiet"> = {
  running: "info",
  paused: "warn",
  stopped: "bad",
  aborting: "warn",
  aborted: "quiet",
  done: "good",
  failed: "bad",
};

export const MOVE_TONES: Partial<Record<Move["state"], Tone | "quiet">> = {
  waiting: "quiet",
  done: "good",
  returning: "warn",
  returned: "bad",
  skipped: "quiet",
};

/** Which step a move is in, or came to before it returned. -1: none. */
function reached(move: Move): number {
  if (move.state === "done") return STEPS.length;
  const now = STEPS.findIndex((states) => states.includes(move.state));
  return now >= 0 ? now : STEPS.findLastIndex((states) => states.some((state) => move.seconds[state] !== undefined));
}

/** The four steps: what is done, under way, failed and to come, with the time each took. */
export function steps(move: Move): Step[] {
  const at = reached(move);
  const back = move.state === "returning" || move.state === "returned";
  return c.upgrades.steps.map((name, place) => {
    const state: StepState = place < at ? "done" : place > at ? "next" : back ? "failed" : "now";
    const took = (STEPS[place] ?? []).reduce((sum, each) => sum + (move.seconds[each] ?? 0), 0);
    return { name, state, ...(state === "done" && took >= 1 ? { note: formatDuration(took) } : {}) };
  });
}

/** How many nodes have moved, of those that were to. */
export function moved(rollout: Rollout): [number, number] {
  const wanted = rollout.moves.filter((move) => move.state !== "skipped");
  return [wanted.filter((move) => move.state === "done").length, wanted.length];
}

export const isOver = (rollout: Rollout) => OVER.includes(rollout.state);
export const isEnded = (move: Move) => ENDED.includes(move.state);
