/** Everything an account did in the pool, as a file for a spreadsheet or a tax office. */

import { useState } from "react";

import { get, type Schemas } from "../api/client";
import { t } from "../texts";
import { exactAmount } from "../units/amount";

type ChainEvent = Schemas["ChainEvent"];

const PAGE = 200;

async function everything(account: string): Promise<ChainEvent[]> {
  const found: ChainEvent[] = [];
  let before: number | null = null;
  do {
    const page: Schemas["ChainEvents"] = await get("/api/v1/public/chain/events", {
      query: { account, limit: PAGE, ...(before === null ? {} : { before }) },
    });
    found.push(...page.events);
    before = page.next;
  } while (before !== null);
  return found;
}

const HEAD = ["time", "block", "transaction", "event", "node", "to node", "LINK", "ticket"] as const;

/** One line per event, oldest first; amounts with every digit. */
export function toCsv(events: readonly ChainEvent[]): string {
  const lines = [...events].reverse().map((event) => [
    event.time,
    String(event.block),
    event.tx,
    event.kind,
    event.node ?? "",
    event.to_node ?? "",
    amountOf(event),
    textOf(event.data.ticket),
  ]);
  return [HEAD, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

function amountOf({ data }: ChainEvent): string {
  const amount = textOf(data.amount ?? data.value);
  return /^\d+$/.test(amount) ? exactAmount(BigInt(amount)) : "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

export function Download({ account }: { account: string }) {
  const [state, setState] = useState<"ready" | "busy" | "failed">("ready");
  async function save() {
    setState("busy");
    try {
      const url = URL.createObjectURL(new Blob([toCsv(await everything(account))], { type: "text/csv" }));
      const link = document.createElement("a");
      link.href = url;
      link.download = `linkpool-${account}.csv`;
      link.click();
      URL.revokeObjectURL(url);
      setState("ready");
    } catch {
      setState("failed");
    }
  }
  return (
    <button type="button" className="button" disabled={state === "busy"} onClick={() => void save()}>
      {state === "failed" ? t.csv.failed : t.csv.save}
    </button>
  );
}
