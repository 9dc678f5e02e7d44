/** What the pages read, each by its name. All of it is read again with every block (live/pulse.ts). */

import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";

import { PUBLIC, pollWhenLost } from "../live/pulse";
import { get, type Schemas } from "./client";

/** A public figure: kept on the page while a newer one is on its way, or cannot be had. */
function usePublic<T>(
  key: readonly unknown[],
  read: (signal: AbortSignal) => Promise<T>,
  enabled = true,
): UseQueryResult<T> {
  return useQuery({
    queryKey: [PUBLIC, ...key],
    queryFn: ({ signal }) => read(signal),
    refetchInterval: pollWhenLost,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export type Bucket = "hour" | "day";

export const useNodes = () =>
  usePublic(["nodes"], (signal) => get("/api/v1/public/nodes", { signal }));

export const useNode = (node: string) =>
  usePublic(["nodes", node], (signal) => get("/api/v1/public/nodes/{node}", { path: { node }, signal }));

export const useNodeHistory = (node: string, bucket: Bucket, count: number) =>
  usePublic(["nodes", node, "history", bucket, count], (signal) =>
    get("/api/v1/public/nodes/{node}/history", { path: { node }, query: { bucket, count }, signal }),
  );

export const useReplicas = (node: string) =>
  usePublic(["nodes", node, "replicas"], (signal) =>
    get("/api/v1/public/nodes/{node}/replicas", { path: { node }, signal }),
  );

export const useJobs = () => usePublic(["jobs"], (signal) => get("/api/v1/public/jobs", { signal }));

export const usePool = () => usePublic(["pool"], (signal) => get("/api/v1/public/pool", { signal }));

export const usePoolHistory = (bucket: Bucket, count: number) =>
  usePublic(["pool", "history", bucket, count], (signal) =>
    get("/api/v1/public/pool/history", { query: { bucket, count }, signal }),
  );

export const useTerms = () => usePublic(["terms"], (signal) => get("/api/v1/public/terms", { signal }));

export const useAccount = (address: string | undefined) =>
  usePublic(
    ["accounts", address],
    (signal) => get("/api/v1/public/accounts/{address}", { path: { address: address ?? "" }, signal }),
    address !== undefined,
  );

export const useAccountHistory = (address: string, bucket: Bucket, count: number) =>
  usePublic(["accounts", address, "history", bucket, count], (signal) =>
    get("/api/v1/public/accounts/{address}/history", { path: { address }, query: { bucket, count }, signal }),
  );

export const useWaiting = () => usePublic(["waiting"], (signal) => get("/api/v1/public/waiting", { signal }));

/** A wallet's place on the list; null when it has none. */
export const useWaitingEntry = (wallet: string | undefined) =>
  usePublic(
    ["waiting", wallet],
    (signal) => get("/api/v1/public/waiting/{wallet}", { path: { wallet: wallet ?? "" }, signal }),
    wallet !== undefined,
  );

/** The newest events of one kind. */
export const useChainEvents = (kind: string, limit = 50) =>
  usePublic(["events", kind, limit], (signal) =>
    get("/api/v1/public/chain/events", { query: { kind, limit }, signal }),
  );

export type Node = Schemas["KnownNode"];
