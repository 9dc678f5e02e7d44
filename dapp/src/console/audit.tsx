/** Who asked for what. */

import type { Schemas } from "../api/client";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { Page } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { c } from "../texts/console";
import { formatMoment } from "../units/number";
import { useAudit, useTokens } from "./queries";
import { useMay } from "./session";

type Entry = Schemas["AuditView"];

const SHOWN = 200;
const REFUSED = 400;

export function AuditPage() {
  const may = useMay("admin");
  return (
    <Page title={c.audit.title} lead={c.audit.lead}>
      {may ? <Log /> : <Banner tone="info">{c.audit.needs}</Banner>}
    </Page>
  );
}

function Log() {
  const log = useAudit(SHOWN);
  const tokens = useTokens();
  const names = new Map(tokens.data?.tokens.map(({ id, name }) => [id, name]));
  return (
    <Loaded of={log} lines={8}>
      {(entries) => <Table caption={c.audit.title} rows={entries} id={({ number }) => String(number)} columns={columns(names)} empty={c.audit.none} />}
    </Loaded>
  );
}

function columns(names: ReadonlyMap<string, string>): Column<Entry>[] {
  return [
    { key: "at", title: c.audit.at, cell: ({ at }) => <time dateTime={at}>{formatMoment(at)}</time> },
    {
      key: "what",
      title: c.audit.what,
      head: true,
      cell: ({ method, path }) => (
        <span className="mono breaks">
          {method} {path.replace("/api/v1", "")}
        </span>
      ),
    },
    { key: "token", title: c.audit.token, cell: ({ token }) => names.get(token) ?? <span className="mono breaks">{token}</span> },
    { key: "from", title: c.audit.from, wide: true, cell: ({ client }) => client ?? "–" },
    { key: "status", title: c.audit.status, cell: ({ status }) => <Badge tone={tone(status)}>{status === null ? c.audit.cut : String(status)}</Badge> },
  ];
}

function tone(status: number | null): "quiet" | "good" | "bad" {
  if (status === null) return "quiet";
  return status < REFUSED ? "good" : "bad";
}
