/**
 * One transaction: tried first, its gas counted and paid for, then handed to the wallet. What could be known before
 * anybody signs is said before anybody signs.
 */

import { useState } from "react";
import { decodeErrorResult, encodeAbiParameters, encodeFunctionData, type Address, type Hex, type PublicClient } from "viem";
import { useConfig as useWagmi, useConnection } from "wagmi";
import { getPublicClient, sendTransaction } from "wagmi/actions";

import { useConfig, type Config } from "../config";
import { currentBlock } from "../live/pulse";
import { linkAbi, poolAbi } from "./abi";
import { fromError, type Problem } from "./problem";
import { begin, change, forget, type Act } from "./sent";

export interface Wish {
  act: Act;
  subject: string;
  amount: bigint;
  to: Address;
  data: Hex;
  /** The same in one step nearer to the pool, where its reason is not swallowed on the way. */
  plainly?: { from: Address; to: Address; data: Hex };
}

export function stakeWish(config: Config, account: Address, node: Address, amount: bigint): Wish {
  const [pool, link] = [config.pool as Address, config.link as Address];
  const about = encodeAbiParameters([{ type: "address" }, { type: "address" }], [node, account]);
  return {
    act: "stake",
    subject: node,
    amount,
    to: link,
    data: encodeFunctionData({ abi: linkAbi, functionName: "transferAndCall", args: [pool, amount, about] }),
    // LINK's contract says nothing of why a receiver refused, so the receiver is asked as LINK would.
    plainly: {
      from: link,
      to: pool,
      data: encodeFunctionData({ abi: poolAbi, functionName: "onTokenTransfer", args: [account, amount, about] }),
    },
  };
}

export function claimWish(config: Config, nodes: readonly Address[], amount: bigint): Wish {
  const data = encodeFunctionData({ abi: poolAbi, functionName: "claim", args: [nodes] });
  return { act: "claim", subject: nodes.length === 1 ? (nodes[0] ?? "") : "all", amount, to: config.pool as Address, data };
}

export function unstakeWish(config: Config, node: Address, amount: bigint): Wish {
  const data = encodeFunctionData({ abi: poolAbi, functionName: "request_unstake", args: [node, amount] });
  return { act: "unstake", subject: node, amount, to: config.pool as Address, data };
}

export function withdrawWish(config: Config, ticket: bigint, amount: bigint): Wish {
  const data = encodeFunctionData({ abi: poolAbi, functionName: "withdraw", args: [ticket] });
  return { act: "withdraw", subject: ticket.toString(), amount, to: config.pool as Address, data };
}

export function moveWish(config: Config, from: Address, to: Address, amount: bigint): Wish {
  const data = encodeFunctionData({ abi: poolAbi, functionName: "move", args: [from, to, amount] });
  return { act: "move", subject: from, amount, to: config.pool as Address, data };
}

export interface Sending {
  send: (wish: (account: Address) => Wish) => Promise<void>;
  /** The wallet is being asked, or was just about to be. */
  busy: boolean;
  problem: Problem | null;
  clear: () => void;
}

export function useSend(): Sending {
  const wagmi = useWagmi();
  const { chain_id } = useConfig();
  const { address, chainId, connector } = useConnection();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  async function send(make: (account: Address) => Wish): Promise<void> {
    const client = getPublicClient(wagmi);
    if (!address || !connector || !client || chainId !== chain_id) {
      setProblem({ kind: address && connector ? "network" : "disconnected" });
      return;
    }
    setBusy(true);
    setProblem(null);
    const id = crypto.randomUUID();
    const wish = make(address);
    try {
      const gas = await tried(client, address, wish);
      if (typeof gas !== "bigint") {
        setProblem(gas);
        return;
      }
      const nonce = await client.getTransactionCount({ address, blockTag: "pending" });
      begin({
        id,
        act: wish.act,
        subject: wish.subject,
        account: address,
        amount: wish.amount.toString(),
        state: "signing",
        nonce,
        after: currentBlock() ?? 0,
        hash: null,
        block: null,
      });
      const hash = await sendTransaction(wagmi, { connector, to: wish.to, data: wish.data, gas });
      change(id, { state: "sent", hash });
    } catch (error) {
      forget(id);
      setProblem(fromError(error));
    } finally {
      setBusy(false);
    }
  }

  return { send, busy, problem, clear: () => setProblem(null) };
}

/** A fifth on top: what others do in the meantime may cost some gas. */
const MORE = 120n;

/** The gas it needs, if it would work now and can be paid; what stands against it otherwise. */
async function tried(client: PublicClient, account: Address, wish: Wish): Promise<bigint | Problem> {
  let gas: bigint;
  try {
    gas = (await client.estimateGas({ account, to: wish.to, data: wish.data })) * MORE / 100n;
  } catch (error) {
    const first = fromError(error);
    if (first.kind === "rejected" || first.kind === "silent") return first;
    return (wish.plainly ? await reason(client, wish.plainly) : undefined) ?? first;
  }
  const [fees, have] = await Promise.all([client.estimateFeesPerGas(), client.getBalance({ address: account })]);
  const need = gas * fees.maxFeePerGas;
  return have < need ? { kind: "gas", need, have } : gas;
}

async function reason(client: PublicClient, call: NonNullable<Wish["plainly"]>): Promise<Problem | undefined> {
  try {
    await client.call({ account: call.from, to: call.to, data: call.data });
    return undefined;
  } catch (error) {
    return withReason(error) ?? fromError(error);
  }
}

/** The text of a revert that came as bytes. */
function withReason(error: unknown): Problem | undefined {
  let each: unknown = error;
  while (each !== undefined && each !== null) {
    const data = (each as { data?: unknown }).data;
    const bytes = typeof data === "string" ? data : (data as { data?: unknown } | undefined)?.data;
    if (typeof bytes === "string" && bytes.startsWith("0x08c379a0")) {
      const { args } = decodeErrorResult({ data: bytes as Hex, abi: [] });
      return fromError(new Error(String(args[0])));
    }
    each = (each as { cause?: unknown }).cause;
  }
  return undefined;
}
