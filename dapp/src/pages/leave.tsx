/** Taking stake out: by a ticket that waits, or out of a retired node at once to another one. */

import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Address as Hex } from "viem";

import type { Schemas } from "../api/client";
import { useTerms, type Node } from "../api/queries";
import { whyNotLeave } from "../chain/check";
import { moveWish, unstakeWish, useSend, type Sending, type Wish } from "../chain/send";
import { useLast, type Act } from "../chain/sent";
import { Icon, shortened } from "../components/address";
import { AmountField, typed } from "../components/field";
import { SendButton } from "../components/send-button";
import { inWords, ProblemBanner, Transaction } from "../components/transaction";
import { useConfig } from "../config";
import { t } from "../texts";
import { formatAmount } from "../units/amount";
import { formatDuration } from "../units/number";
import { condition, room } from "./node-state";

type Holding = Schemas["Holding"];

export function LeaveDialog({ holding, close }: { holding: Holding; close: () => void }) {
  const config = useConfig();
  const terms = useTerms().data;
  const [text, setText] = useState("");
  const value = BigInt(holding.value);
  const amount = typed(text);
  const wrong = amount === undefined ? null : whyNotLeave(amount, value);
  const sending = useSend();
  return (
    <ActDialog title={t.leave.title(shortened(holding.node))} act="unstake" subject={holding.node} sending={sending} close={close}>
      <AmountField
        label={t.stake.amount}
        text={text}
        change={setText}
        most={value}
        wrong={wrong && inWords(wrong, config.coin)}
        hint={t.leave.have(formatAmount(value))}
      />
      <ul className="points">
        <li>{t.leave.stops}</li>
        <li>{t.leave.waits(terms ? formatDuration(terms.unbonding_seconds) : t.stake.points.some)}</li>
        <li>{t.leave.exposed}</li>
      </ul>
      {sending.problem && <ProblemBanner problem={sending.problem} />}
      <SendButton
        busy={sending.busy}
        disabled={amount === undefined || wrong !== null}
        press={() => void sending.send(() => leaving(config, holding, amount ?? 0n))}
      >
        {amount === undefined || wrong ? t.position.unstake : t.leave.press(formatAmount(amount < value ? amount : value))}
      </SendButton>
    </ActDialog>
  );
}

function leaving(config: ReturnType<typeof useConfig>, holding: Holding, amount: bigint): Wish {
  const value = BigInt(holding.value);
  return { ...unstakeWish(config, holding.node as Hex, amount), amount: amount < value ? amount : value };
}

interface MoveProps {
  holding: Holding;
  nodes: readonly Node[];
  close: () => void;
}

export function MoveDialog({ holding, nodes, close }: MoveProps) {
  const config = useConfig();
  const takers = nodes.filter((node) => condition(node).takes);
  const [to, setTo] = useState(takers[0]?.id ?? "");
  const [text, setText] = useState("");
  const value = BigInt(holding.value);
  const target = takers.find((node) => node.id === to);
  const space = target ? room(target) : 0n;
  const amount = typed(text);
  const wrong =
    amount === undefined ? null : amount > space ? ({ kind: "full", room: space } as const) : whyNotLeave(amount, value);
  const sending = useSend();
  return (
    <ActDialog title={t.move.title(shortened(holding.node))} act="move" subject={holding.node} sending={sending} close={close}>
      <p>{t.move.lead}</p>
      <div className="field">
        <label htmlFor="move-to">{t.move.to}</label>
        <select id="move-to" value={to} onChange={(event) => setTo(event.target.value)}>
          {takers.map((node) => (
            <option key={node.id} value={node.id}>
              {t.move.option(shortened(node.id), formatAmount(room(node), 0))}
            </option>
          ))}
        </select>
        {takers.length === 0 && <span className="wrong">{t.move.nowhere}</span>}
      </div>
      <AmountField
        label={t.stake.amount}
        text={text}
        change={setText}
        most={value < space ? value : space}
        wrong={wrong && inWords(wrong, config.coin)}
        hint={t.leave.have(formatAmount(value))}
      />
      {sending.problem && <ProblemBanner problem={sending.problem} />}
      <SendButton
        busy={sending.busy}
        disabled={amount === undefined || wrong !== null || !target}
        press={() => void sending.send(() => moveWish(config, holding.node as Hex, to as Hex, amount ?? 0n))}
      >
        {t.position.move}
      </SendButton>
    </ActDialog>
  );
}

interface DialogProps {
  title: string;
  act: Act;
  subject: string;
  sending: Sending;
  close: () => void;
  children: ReactNode;
}

/** A dialog for one act: its form, or where its transaction is. */
function ActDialog({ title, act, subject, sending, close, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const sent = useLast(act, subject);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="plain" onClick={() => dialog.current?.close()} aria-label={t.close}>
          <Icon name="cross" />
        </button>
      </header>
      {sent ? <Transaction sent={sent} asking={sending.busy} /> : <div className="form">{children}</div>}
    </dialog>
  );
}
