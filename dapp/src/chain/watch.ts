/**
 * What became of transactions: from the wallet's own endpoint by receipt, or, where no wallet is connected or it is
 * silent, from the pool's events. One in another's place (sped up in the wallet) is found by what it did.
 */

import { useEffect } from "react";
import { useConfig as useWagmi, type Config as WagmiConfig } from "wagmi";
import { getPublicClient } from "wagmi/actions";

import { get, type Schemas } from "../api/client";
import { change, everySent, isOpen, useSent, type Act, type Sent } from "./sent";

const EVERY_MS = 1_500;

/** The event by which the pool says that it was done. */
const DONE: Record<Act, string> = {
  stake: "Staked",
  claim: "Claimed",
  unstake: "UnstakeRequested",
  withdraw: "Withdrawn",
  move: "Moved",
};

type ChainEvent = Schemas["ChainEvent"];

/** Whether an event is what a transaction was to do; by its hash where it has one. */
export function isDone(sent: Sent, event: ChainEvent): boolean {
  return event.kind === DONE[sent.act] && event.tx === sent.hash;
}

/** The same act since the wallet was asked: what took its place, or a hash that this page never heard. */
export function isLike(sent: Sent, event: ChainEvent): boolean {
  if (event.kind !== DONE[sent.act] || event.block <= sent.after) return false;
  if (sent.act === "withdraw") return event.data.ticket === sent.subject;
  return sent.act === "claim" || event.node === sent.subject;
}

/** News of one transaction; nothing while it is on its way. */
async function look(wagmi: WagmiConfig, sent: Sent): Promise<Partial<Sent> | undefined> {
  const receipt = sent.hash ? await fromReceipt(wagmi, sent.hash) : undefined;
  if (receipt) return receipt;
  const { events } = await get("/api/v1/public/chain/events", { query: { account: sent.account, limit: 50 } });
  const gone = await passed(wagmi, sent);
  const found = events.find((event) => isDone(sent, event) || ((gone || !sent.hash) && isLike(sent, event)));
  if (found) return { state: "confirmed", hash: found.tx as `0x${string}`, block: found.block };
  const seen = gone ? (passes.get(sent.id) ?? 0) + 1 : 0;
  passes.set(sent.id, seen);
  return seen >= PATIENCE ? { state: "replaced" } : undefined;
}

/** How often its nonce was seen used while nothing was found of it: events may be a block behind. */
const passes = new Map<string, number>();
const PATIENCE = 6;

async function fromReceipt(wagmi: WagmiConfig, hash: `0x${string}`): Promise<Partial<Sent> | undefined> {
  try {
    const receipt = await getPublicClient(wagmi)?.getTransactionReceipt({ hash });
    if (!receipt) return undefined;
    return {
      state: receipt.status === "success" ? "confirmed" : "reverted",
      block: Number(receipt.blockNumber),
    };
  } catch {
    return undefined; // in no block yet; or no wallet, or a silent one
  }
}

/** Another transaction has taken its nonce. */
async function passed(wagmi: WagmiConfig, sent: Sent): Promise<boolean> {
  if (sent.nonce === null || sent.hash === null) return false;
  try {
    const count = await getPublicClient(wagmi)?.getTransactionCount({ address: sent.account });
    return count !== undefined && count > sent.nonce;
  } catch {
    return false; // no wallet, or a silent one
  }
}

/** Looks after every open transaction, wherever the reader is. */
export function useWatch(): void {
  const wagmi = useWagmi();
  const open = useSent().some(isOpen);
  useEffect(() => {
    if (!open) return;
    let ended = false;
    let timer: number | undefined;
    const turn = async () => {
      for (const sent of everySent().filter(isOpen)) {
        const news = await look(wagmi, sent).catch(() => undefined);
        if (news) change(sent.id, news);
      }
      if (!ended) timer = window.setTimeout(() => void turn(), EVERY_MS);
    };
    void turn();
    return () => {
      ended = true;
      window.clearTimeout(timer);
    };
  }, [open, wagmi]);
}
