/** What an account has in the pool: its stake by node, what it earned and lost, what is on its way out. */

import { useState } from "react";
import { isAddress, type Address as Hex } from "viem";
import { useConnection } from "wagmi";
import { Link, useLocation } from "wouter";

import type { Answer, Schemas } from "../api/client";
import { useAccount, useAccountHistory, useNodes, type Node } from "../api/queries";
import { claimWish, useSend } from "../chain/send";
import { useLast } from "../chain/sent";
import { Address, shortened } from "../components/address";
import { Amount } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { Chart } from "../components/chart";
import { Explain } from "../components/explain";
import { Figure, Figures } from "../components/figure";
import { Page, Section } from "../components/page";
import { Empty, Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { ProblemBanner, Transaction } from "../components/transaction";
import { WalletDialog, WrongNetwork } from "../components/wallet";
import { useConfig } from "../config";
import { t } from "../texts";
import { approximate, formatAmount } from "../units/amount";
import { Download } from "./download";
import { LeaveDialog, MoveDialog } from "./leave";
import { condition } from "./node-state";
import { COUNTS, series } from "./series";
import { Tickets } from "./tickets";
import { RoomNotice } from "./waiting";

type Account = Answer<"get", "/api/v1/public/accounts/{address}">;
type Holding = Schemas["Holding"];

export function PositionPage({ shown }: { shown?: string }) {
  const { address } = useConnection();
  const account = shown && isAddress(shown, { strict: false }) ? shown : shown ? undefined : address;
  const mine = account !== undefined && account.toLowerCase() === address?.toLowerCase();
  if (account === undefined) {
    return (
      <Page title={t.nav.position} lead={t.position.lead}>
        <Nobody wrong={shown !== undefined} />
      </Page>
    );
  }
  return (
    <Page
      title={mine ? t.nav.position : t.position.of(shortened(account))}
      lead={<Address value={account} whole />}
      actions={<Download account={account} />}
    >
      {mine && <WrongNetwork />}
      {mine && <RoomNotice />}
      <Position account={account} mine={mine} />
    </Page>
  );
}

/** Connect a wallet, or look at any address. */
function Nobody({ wrong }: { wrong: boolean }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [, go] = useLocation();
  const good = isAddress(text.trim(), { strict: false });
  return (
    <div className="halves">
      <Section title={t.position.yours}>
        <p>{t.position.connect}</p>
        <button type="button" className="button main" onClick={() => setOpen(true)}>
          {t.wallet.connect}
        </button>
        {open && <WalletDialog close={() => setOpen(false)} />}
      </Section>
      <Section title={t.position.any}>
        <form
          className="field"
          onSubmit={(event) => {
            event.preventDefault();
            if (good) go(`/position/${text.trim()}`);
          }}
        >
          <label htmlFor="any">{t.position.address}</label>
          <div className="row grow">
            <input id="any" type="text" value={text} placeholder="0x…" spellCheck={false} onChange={(event) => setText(event.target.value)} />
            <button type="submit" className="button" disabled={!good}>
              {t.position.look}
            </button>
          </div>
          {(wrong || (text !== "" && !good)) && <span className="wrong">{t.position.noAddress}</span>}
        </form>
      </Section>
    </div>
  );
}

function Position({ account, mine }: { account: string; mine: boolean }) {
  const read = useAccount(account);
  return (
    <Loaded of={read} lines={8}>
      {(found) =>
        found.holdings.length === 0 && found.tickets.length === 0 ? (
          <Empty>
            {mine ? t.position.empty : t.position.emptyOf} <Link href="/">{t.position.choose}</Link>
          </Empty>
        ) : (
          <>
            <Totals account={found} />
            <Holdings account={found} mine={mine} />
            <Tickets tickets={found.tickets} mine={mine} />
            <Past account={account} />
          </>
        )
      }
    </Loaded>
  );
}

function Totals({ account }: { account: Account }) {
  const [earned, lost] = [BigInt(account.earned), BigInt(account.lost)];
  return (
    <Figures>
      <Figure name={t.position.stake} value={<Amount value={account.value} />} />
      <Figure name={t.position.claimable} value={<Amount value={account.claimable} places={4} />} />
      <Figure name={t.position.earned} value={<Amount value={account.earned} places={4} />} note={t.position.ever} />
      <Figure name={t.position.lost} value={<Amount value={account.lost} places={4} />} note={t.position.toPenalties} />
      <Figure
        name={
          <>
            {t.position.net}
            <Explain what={t.position.net}>
              <p>{t.position.netMethod}</p>
            </Explain>
          </>
        }
        value={<Amount value={earned - lost} places={4} />}
      />
    </Figures>
  );
}

/** A claim may name so many nodes (StakingPool.MAX_LIST). */
const AT_ONCE = 64;

function Holdings({ account, mine }: { account: Account; mine: boolean }) {
  const config = useConfig();
  const nodes = useNodes().data?.nodes ?? [];
  const known = new Map(nodes.map((node) => [node.id, node]));
  const { send, busy, problem } = useSend();
  const [leaving, setLeaving] = useState<Holding>();
  const [moving, setMoving] = useState<Holding>();
  const claiming = useLast("claim", "all");
  const due = account.holdings.filter((each) => BigInt(each.claimable) > 0n).slice(0, AT_ONCE);
  const sum = due.reduce((total, each) => total + BigInt(each.claimable), 0n);
  const held = account.holdings.filter((each) => BigInt(each.value) > 0n || BigInt(each.claimable) > 0n);
  const retired = held.filter((each) => BigInt(each.value) > 0n && known.get(each.node)?.figures?.status === "retired").length;
  const claim = (all: readonly Holding[], amount: bigint) =>
    send(() => ({ ...claimWish(config, all.map((each) => each.node as Hex), amount), subject: "all" }));
  return (
    <Section
      title={t.position.byNode}
      aside={
        mine && (
          <button type="button" className="button main" disabled={due.length === 0 || busy} onClick={() => void claim(due, sum)}>
            {due.length === 0 ? t.position.nothingToClaim : t.position.claimAll(formatAmount(sum, 4))}
          </button>
        )
      }
    >
      {problem && <ProblemBanner problem={problem} />}
      {claiming && <Transaction sent={claiming} asking={busy} />}
      {mine && retired > 0 && <Banner tone="info">{t.position.onRetired(retired)}</Banner>}
      <Table
        caption={t.position.byNode}
        rows={held}
        id={(each) => each.node}
        initial={{ key: "stake", down: true }}
        empty={t.position.noStake}
        columns={columns(known, mine, { leave: setLeaving, move: setMoving })}
      />
      {leaving && <LeaveDialog holding={leaving} close={() => setLeaving(undefined)} />}
      {moving && <MoveDialog holding={moving} nodes={nodes} close={() => setMoving(undefined)} />}
    </Section>
  );
}

interface Actions {
  leave: (holding: Holding) => void;
  move: (holding: Holding) => void;
}

function columns(known: ReadonlyMap<string, Node>, mine: boolean, actions: Actions): Column<Holding>[] {
  const amount = (key: "claimable" | "lost", title: string): Column<Holding> => ({
    key,
    title,
    numeric: true,
    cell: (each) => <Amount value={each[key]} places={4} unit="none" />,
    order: (each) => BigInt(each[key]),
  });
  const earned = (each: Holding) => BigInt(each.claimed) + BigInt(each.claimable);
  const all: Column<Holding>[] = [
    {
      key: "node",
      title: t.node.node,
      head: true,
      cell: (each) => (
        <Link href={`/nodes/${each.node}`} className="node-name mono">
          {shortened(each.node)}
        </Link>
      ),
    },
    {
      key: "state",
      title: t.node.state,
      cell: (each) => <NodeBadge node={known.get(each.node)} />,
    },
    {
      key: "stake",
      title: t.position.stake,
      numeric: true,
      cell: (each) => <Amount value={each.value} unit="none" />,
      order: (each) => BigInt(each.value),
    },
    amount("claimable", t.position.claimable),
    {
      key: "earned",
      title: t.position.earned,
      numeric: true,
      cell: (each) => <Amount value={earned(each)} places={4} unit="none" />,
      order: earned,
    },
    amount("lost", t.position.lost),
    {
      key: "net",
      title: t.position.net,
      numeric: true,
      cell: (each) => <Amount value={earned(each) - BigInt(each.lost)} places={4} unit="none" />,
      order: (each) => earned(each) - BigInt(each.lost),
    },
  ];
  if (!mine) return all;
  return [
    ...all,
    {
      key: "actions",
      title: t.position.actions,
      cell: (each) => {
        const node = known.get(each.node);
        if (BigInt(each.value) === 0n) return null;
        return (
          <span className="row tight">
            {node && condition(node).takes && (
              <Link href={`/nodes/${each.node}/stake`} className="button small" aria-label={t.stake.on(shortened(each.node))}>
                {t.stake.action}
              </Link>
            )}
            {node?.figures?.status === "retired" && (
              <button type="button" className="button small" onClick={() => actions.move(each)}>
                {t.position.move}
              </button>
            )}
            <button
              type="button"
              className="button small"
              aria-label={t.position.unstakeFrom(shortened(each.node))}
              onClick={() => actions.leave(each)}
            >
              {t.position.unstake}
            </button>
          </span>
        );
      },
    },
  ];
}

function NodeBadge({ node }: { node: Node | undefined }) {
  if (!node) return null;
  const { tone, word } = condition(node);
  return <Badge tone={tone}>{word}</Badge>;
}

/** Earned and lost, as they grew. */
function Past({ account }: { account: string }) {
  const history = useAccountHistory(account, "day", COUNTS.day);
  return (
    <Section title={t.position.overTime}>
      <Loaded of={history} lines={5}>
        {({ buckets }) => {
          const points = (key: "value" | "earned" | "lost", places: number) =>
            series(buckets, "day", (each) => ({
              value: approximate(BigInt(each[key])),
              shown: `${formatAmount(BigInt(each[key]), places)} LINK`,
            }));
          return (
            <div className="halves">
              <Chart title={t.position.earnedEver} kind="line" tone="good" points={points("earned", 4)} axis={String} />
              <Chart title={t.position.lostEver} kind="line" tone="bad" points={points("lost", 4)} axis={String} />
              <Chart title={t.position.stakeThen} kind="line" points={points("value", 2)} axis={String} />
            </div>
          );
        }}
      </Loaded>
    </Section>
  );
}
