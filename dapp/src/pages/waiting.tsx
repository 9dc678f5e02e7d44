/** The waiting list: who would stake if there were room. Joined and left by a signature, which costs nothing. */

import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useSignTypedData } from "wagmi";

import { call, Refused, type Schemas } from "../api/client";
import { useWaiting, useWaitingEntry } from "../api/queries";
import { useWallet } from "../chain/balances";
import { fromError, type Problem } from "../chain/problem";
import { Amount } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { AmountField, typed } from "../components/field";
import { Figure, Figures } from "../components/figure";
import { Section } from "../components/page";
import { SendButton } from "../components/send-button";
import { Loaded } from "../components/skeleton";
import { ProblemBanner } from "../components/transaction";
import { PUBLIC } from "../live/pulse";
import { t } from "../texts";
import { formatAmount } from "../units/amount";
import { formatCount, formatMoment } from "../units/number";

type List = Schemas["WaitingList"];

export function Waiting() {
  const read = useWaiting();
  return (
    <Section title={t.waiting.title}>
      <p className="quiet">{t.waiting.lead}</p>
      <Loaded of={read} lines={4}>
        {(list) => (
          <>
            <Figures>
              <Figure name={t.waiting.wallets} value={formatCount(list.wallets)} />
              <Figure name={t.waiting.amount} value={<Amount value={list.amount} places={0} />} />
              <Figure name={t.waiting.room} value={<Amount value={list.room} places={0} />} />
            </Figures>
            <Mine list={list} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

const TYPES = {
  Waiting: [
    { name: "wallet", type: "address" },
    { name: "amount", type: "uint256" },
    { name: "deadline", type: "uint256" },
    { name: "nonce", type: "uint256" },
  ],
} as const;
/** Tells a wallet of the list, wherever it looks, that there is room now. */
export function RoomNotice() {
  const wallet = useWallet();
  const entry = useWaitingEntry(wallet.ready ? wallet.address : undefined).data;
  if (entry?.state !== "room") return null;
  return (
    <Banner tone="good" alert>
      {t.waiting.hasRoom(formatAmount(BigInt(entry.amount)))} {t.waiting.reason}
    </Banner>
  );
}

/** How long a place on the list is asked for, at most: three months. */
const LONG = 90 * 86_400;

function Mine({ list }: { list: List }) {
  const wallet = useWallet();
  const queries = useQueryClient();
  const entry = useWaitingEntry(wallet.ready ? wallet.address : undefined).data;
  const sign = useSignTypedData();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | string | null>(null);
  const [busy, setBusy] = useState(false);
  const amount = typed(text);
  const least = BigInt(list.minimum);
  const wrong = amount !== undefined && amount < least ? t.waiting.least(formatAmount(least, 0)) : null;

  async function say(juels: bigint): Promise<void> {
    if (!wallet.address) return;
    setBusy(true);
    setProblem(null);
    const account = wallet.address;
    const deadline = Math.floor(Date.now() / 1000) + Math.min(LONG, list.longest_seconds);
    const nonce = BigInt(Date.now());
    try {
      const signature = await sign.mutateAsync({
        account,
        domain: {
          name: list.domain.name,
          version: list.domain.version,
          chainId: list.domain.chain_id,
          verifyingContract: list.domain.verifying_contract as `0x${string}`,
        },
        types: TYPES,
        primaryType: "Waiting",
        message: { wallet: account, amount: juels, deadline: BigInt(deadline), nonce },
      });
      const body = { wallet: account, amount: juels.toString(), deadline, nonce: nonce.toString(), signature };
      if (juels > 0n) await call("post", "/api/v1/public/waiting", { body });
      else await call("delete", "/api/v1/public/waiting/{wallet}", { path: { wallet: account }, body });
      setText("");
      await queries.invalidateQueries({ queryKey: [PUBLIC, "waiting"] });
    } catch (error) {
      setProblem(error instanceof Refused ? error.message : fromError(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      {entry && (
        <Banner tone={entry.state === "room" ? "good" : "info"}>
          <p>
            {entry.state === "room" ? t.waiting.hasRoom(formatAmount(BigInt(entry.amount))) : t.waiting.on(formatAmount(BigInt(entry.amount)))}{" "}
            <Badge tone="quiet">{t.waiting.until(formatMoment(entry.expires_at))}</Badge>
          </p>
          <button type="button" className="button small" disabled={busy} onClick={() => void say(0n)}>
            {t.waiting.leave}
          </button>
        </Banner>
      )}
      <AmountField
        label={entry ? t.waiting.change : t.waiting.want}
        text={text}
        change={setText}
        most={wallet.ready ? wallet.link : undefined}
        wrong={wrong}
        hint={t.waiting.counted}
      />
      {problem !== null &&
        (typeof problem === "string" ? (
          <Banner tone="warn" alert>
            {problem}
          </Banner>
        ) : (
          <ProblemBanner problem={problem} />
        ))}
      <SendButton busy={busy} disabled={amount === undefined || wrong !== null} press={() => void say(amount ?? 0n)}>
        {t.waiting.join}
      </SendButton>
    </>
  );
}
