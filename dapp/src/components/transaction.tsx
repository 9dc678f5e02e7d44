/** Sign, pending, confirmed: where a transaction is, and in words why one did not happen. */

import { useEffect, useRef } from "react";

import type { Problem } from "../chain/problem";
import { forget, type Sent } from "../chain/sent";
import { useConfig } from "../config";
import { t } from "../texts";
import { formatAmount } from "../units/amount";
import { formatCount } from "../units/number";
import { Address } from "./address";
import { Banner } from "./banner";
import { Steps, type Step, type StepState } from "./steps";
import { WrongNetwork } from "./wallet";

/** The sentence for a problem. */
export function inWords(problem: Problem, coin: string): string {
  const p = t.problems;
  switch (problem.kind) {
    case "link":
      return p.link(formatAmount(problem.have));
    case "gas":
      return problem.need === null || problem.have === null
        ? p.gasSome(coin)
        : p.gas(coin, formatAmount(problem.need, 6), formatAmount(problem.have, 6));
    case "full":
      return problem.room === null ? p.fullSome : problem.room === 0n ? p.full : p.fullUpTo(formatAmount(problem.room));
    case "reverted":
      return problem.reason ? p.reverted(problem.reason) : p.revertedSome;
    case "unknown":
      return p.unknown(problem.text);
    default:
      return p[problem.kind];
  }
}

export function ProblemBanner({ problem }: { problem: Problem }) {
  const { coin } = useConfig();
  if (problem.kind === "network") return <WrongNetwork />;
  return (
    <Banner tone={problem.kind === "rejected" ? "info" : "warn"} alert>
      {inWords(problem, coin)}
    </Banner>
  );
}

const ORDER: Record<Sent["state"], readonly [StepState, StepState, StepState]> = {
  signing: ["now", "next", "next"],
  sent: ["done", "now", "next"],
  confirmed: ["done", "done", "done"],
  reverted: ["done", "failed", "next"],
  replaced: ["done", "failed", "next"],
};

/** The three steps of a transaction, from what is known of it. */
export function stepsOf(sent: Sent, orphaned: boolean): Step[] {
  const [sign, pending, confirmed] = ORDER[sent.state];
  const notes = t.transaction.notes;
  return [
    {
      name: t.transaction.sign,
      state: sign,
      note: sent.state === "signing" ? (orphaned ? notes.orphaned : notes.sign) : undefined,
    },
    {
      name: t.transaction.pending,
      state: pending,
      note: (
        <>
          {sent.hash && <Address value={sent.hash} kind="tx" />}
          {sent.state === "reverted" && <p>{notes.reverted}</p>}
          {sent.state === "replaced" && <p>{notes.replaced}</p>}
        </>
      ),
    },
    {
      name: t.transaction.confirmed,
      state: confirmed,
      note: sent.block !== null && sent.state === "confirmed" ? t.transaction.block(formatCount(sent.block)) : undefined,
    },
  ];
}

interface Props {
  sent: Sent;
  /** This page asked the wallet itself, and still waits for it. */
  asking: boolean;
}

export function Transaction({ sent, asking }: Props) {
  const orphaned = sent.state === "signing" && !asking;
  const over = sent.state !== "sent" && !(sent.state === "signing" && asking);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The button that was pressed is gone: who has no pointer goes on from here.
    if (asking && document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [asking]);
  return (
    <div className="transaction">
      <h3 ref={heading} tabIndex={-1}>
        {t.transaction.titles[sent.act](formatAmount(BigInt(sent.amount)))}
      </h3>
      <Steps steps={stepsOf(sent, orphaned)} label={t.transaction.label} />
      <p role="status" className="unseen">
        {t.transaction.states[sent.state]}
      </p>
      {over && (
        <button type="button" className="button small" onClick={() => forget(sent.id)}>
          {sent.state === "confirmed" ? t.transaction.done : t.transaction.dismiss}
        </button>
      )}
    </div>
  );
}
