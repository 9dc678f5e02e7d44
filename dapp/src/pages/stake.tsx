/** Staking on one node: one transaction, and everything that stands against it in words before anybody signs. */

import { useState } from "react";
import type { Address as Hex } from "viem";
import { Link } from "wouter";

import { useNode, usePool, useTerms, type Node } from "../api/queries";
import { useWallet } from "../chain/balances";
import { mostStake, whyNotStake, type StakeFacts } from "../chain/check";
import { stakeWish, useSend } from "../chain/send";
import { isOpen, useLast } from "../chain/sent";
import { shortened } from "../components/address";
import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { Bar } from "../components/bar";
import { AmountField, typed } from "../components/field";
import { Page, Section } from "../components/page";
import { SendButton } from "../components/send-button";
import { Loaded } from "../components/skeleton";
import { inWords, ProblemBanner, Transaction } from "../components/transaction";
import { useConfig } from "../config";
import { t } from "../texts";
import { formatAmount, partUp, ratio } from "../units/amount";
import { formatDuration, formatFee, formatMoment, formatUptime } from "../units/number";
import { condition, room } from "./node-state";
import { Rate } from "./rate";

export function StakePage({ id }: { id: string }) {
  const node = useNode(id);
  return (
    <Page title={t.stake.on(shortened(id))} lead={t.stake.lead}>
      <Loaded of={node} lines={6} unknown={t.node.unknown}>
        {(found) => (
          <div className="columns">
            <div>
              <Form node={found} />
              <Risks />
            </div>
            <div>
              <Summary node={found} />
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Form({ node }: { node: Node }) {
  const config = useConfig();
  const wallet = useWallet();
  const pool = usePool().data;
  const [text, setText] = useState("");
  const { send, busy, problem, clear } = useSend();
  const sent = useLast("stake", node.id);
  const state = condition(node);
  const facts: StakeFacts = {
    balance: wallet.ready ? wallet.link : undefined,
    room: room(node),
    open: state.open,
    paused: pool?.paused_until != null && Date.parse(pool.paused_until) > Date.now(),
  };
  const amount = typed(text);
  const wrong = whyNotStake(amount ?? facts.room, facts);
  const shut = wrong && ["paused", "closed"].includes(wrong.kind);
  const full = facts.open && !facts.paused && !state.takes;
  if (sent && (isOpen(sent) || sent.state !== "confirmed")) {
    return (
      <Section title={t.stake.action}>
        <Transaction sent={sent} asking={busy} />
      </Section>
    );
  }
  return (
    <Section title={t.stake.action}>
      {sent && (
        <>
          <Transaction sent={sent} asking={false} />
          <Banner tone="good">
            <p>{t.stake.confirmed}</p>
            <Link href="/position">{t.nav.position}</Link>
          </Banner>
        </>
      )}
      {shut && <ProblemBanner problem={wrong} />}
      {full && <ProblemBanner problem={{ kind: "full", room: 0n }} />}
      <AmountField
        label={t.stake.amount}
        text={text}
        change={(next) => {
          setText(next);
          clear();
        }}
        most={facts.room > 0n ? mostStake(facts) : undefined}
        disabled={Boolean(shut) || full}
        wrong={amount !== undefined && wrong && !shut && !full ? inWords(wrong, config.coin) : null}
        hint={
          <>
            {wallet.ready && wallet.link !== undefined && <>{t.stake.have(formatAmount(wallet.link))} </>}
            {t.stake.room(formatAmount(facts.room, 0))}
          </>
        }
      />
      {amount !== undefined && !wrong && <Cost amount={amount} />}
      {problem && <ProblemBanner problem={problem} />}
      <SendButton
        busy={busy}
        disabled={amount === undefined || wrong !== null}
        press={() => void send((account) => stakeWish(config, account, node.id as Hex, amount ?? 0n))}
      >
        {amount === undefined || wrong ? t.stake.action : t.stake.press(formatAmount(amount))}
      </SendButton>
      <p className="quiet">{t.stake.once}</p>
    </Section>
  );
}

/** What a day of misses could cost at worst: 1 % of active stake, by a constant of the contract. */
function Cost({ amount }: { amount: bigint }) {
  return (
    <p className="cost">
      {t.stake.cost(formatAmount(amount), formatAmount(partUp(amount, 1n, 100n)))}
    </p>
  );
}

function Risks() {
  const terms = useTerms().data;
  return (
    <Section title={t.stake.know}>
      <ul className="points">
        <li>{t.stake.points.income}</li>
        <li>{t.stake.points.penalty}</li>
        <li>{t.stake.points.leave(terms ? formatDuration(terms.unbonding_seconds) : t.stake.points.some)}</li>
        <li>{t.stake.points.fee(terms ? formatDuration(terms.fee_delay_seconds) : t.stake.points.some)}</li>
        <li>{t.stake.points.held}</li>
      </ul>
    </Section>
  );
}

function Summary({ node }: { node: Node }) {
  const pool = usePool().data;
  const { tone, word } = condition(node);
  const figures = node.figures;
  return (
    <Section title={t.node.node} aside={<Badge tone={tone}>{word}</Badge>}>
      <div className="fill">
        <span>
          <Amount value={node.stake} places={0} unit="none" />
          <span className="quiet"> / {formatAmount(BigInt(node.capacity), 0)} LINK</span>
        </span>
        <Bar part={ratio(BigInt(node.stake), BigInt(node.capacity))} label={t.node.roomLeft(formatAmount(room(node), 0))} />
      </div>
      <dl className="facts right">
        <dt>{t.node.apr}</dt>
        <dd>
          <Rate value={figures?.rates.apr} />
        </dd>
        <dt>{t.node.fee}</dt>
        <dd>{figures ? formatFee(figures.fee_bps) : <None />}</dd>
        {pool?.fee_effective_at && (
          <>
            <dt>{t.node.feeNext}</dt>
            <dd>{t.node.feeFrom(formatFee(pool.announced_fee_bps), formatMoment(pool.fee_effective_at))}</dd>
          </>
        )}
        <dt>{t.node.uptime}</dt>
        <dd>{figures?.rates.uptime == null ? t.notEnough : formatUptime(figures.rates.uptime)}</dd>
        <dt>{t.node.missed}</dt>
        <dd>{figures ? figures.ever.missed : <None />}</dd>
        <dt>{t.node.penalties}</dt>
        <dd>
          <Amount value={figures?.ever.penalties} />
        </dd>
      </dl>
      <Link href={`/nodes/${node.id}`}>{t.node.all}</Link>
    </Section>
  );
}
