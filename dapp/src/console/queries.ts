/** What the console reads, each by its name: again with every event, and now and then for what makes no event. */

import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";

import { get, type Schemas } from "../api/client";
import { CONSOLE } from "./events";
import { under } from "./session";

export type Node = Schemas["NodeView"];
export type Replica = Schemas["ReplicaView"];
export type Rollout = Schemas["RolloutView"];
export type Move = Schemas["linkpool__wire__rollout__MoveView"];

/** Block heights, open requests and gas make no events. */
const FLEET_MS = 3_000;
const SLOW_MS = 15_000;

function useConsole<T>(key: readonly unknown[], every: number, read: (signal: AbortSignal) => Promise<T>): UseQueryResult<T> {
  return useQuery({
    queryKey: [CONSOLE, ...key],
    queryFn: ({ signal }) => under(read(signal)),
    refetchInterval: every,
    placeholderData: keepPreviousData,
  });
}

export const useFleet = () => useConsole(["nodes"], FLEET_MS, (signal) => get("/api/v1/nodes", { signal }));

export const useAlarms = () => useConsole(["alarms"], SLOW_MS, (signal) => get("/api/v1/alarms", { signal }));

export const useReleases = () => useConsole(["releases"], SLOW_MS, (signal) => get("/api/v1/releases", { signal }));

export const useRollouts = () => useConsole(["rollouts"], FLEET_MS, (signal) => get("/api/v1/rollouts", { signal }));

export const useOperation = (operation: string) =>
  useConsole(["operations", operation], FLEET_MS, (signal) =>
    get("/api/v1/operations/{operation}", { path: { operation }, signal }),
  );

export const useScaling = () => useConsole(["scaling"], SLOW_MS, (signal) => get("/api/v1/scaling", { signal }));

export const useDecisions = () =>
  useConsole(["decisions"], SLOW_MS, (signal) => get("/api/v1/scaling/decisions", { query: { limit: 30 }, signal }));

export const useGuard = () => useConsole(["guard"], SLOW_MS, (signal) => get("/api/v1/guard", { signal }));

export const useTreasury = () => useConsole(["treasury"], SLOW_MS, (signal) => get("/api/v1/treasury", { signal }));

export const usePrices = () => useConsole(["prices"], SLOW_MS, (signal) => get("/api/v1/treasury/prices", { signal }));

export const useEconomics = (days: number) =>
  useConsole(["economics", days], SLOW_MS, (signal) => get("/api/v1/economics", { query: { days }, signal }));

export const useCatalog = () => useConsole(["catalog"], SLOW_MS, (signal) => get("/api/v1/catalog", { signal }));

export const useTokens = () => useConsole(["tokens"], SLOW_MS, (signal) => get("/api/v1/tokens", { signal }));

const AUDIT_PAGE = 1_000;
const AUDIT_PAGES = 50;

/** The newest entries, newest first. The log is told from its beginning: it is read on until its end. */
export const useAudit = (count: number) =>
  useConsole(["audit", count], SLOW_MS, async (signal) => {
    let kept: Schemas["AuditView"][] = [];
    let after = audited.get(count) ?? 0;
    for (let page = 0; page < AUDIT_PAGES; page++) {
      const { entries } = await get("/api/v1/audit", { query: { after, limit: AUDIT_PAGE }, signal });
      kept = [...kept, ...entries].slice(-count);
      if (entries.length < AUDIT_PAGE) break;
      after = entries.at(-1)?.number ?? after;
    }
    audited.set(count, Math.max(0, (kept[0]?.number ?? 1) - 1));
    return kept.reverse();
  });

/** Below which number nothing is shown any more, by how many are. */
const audited = new Map<number, number>();
