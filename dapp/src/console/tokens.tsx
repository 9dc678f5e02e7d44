/** API tokens: who may do what, until when; each is shown once. */

import { useEffect, useRef, useState } from "react";

import { call, type Schemas } from "../api/client";
import { Copy } from "../components/address";
import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { Page, Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { useNow } from "../live/clock";
import { c } from "../texts/console";
import { formatMoment } from "../units/number";
import { Choice, Entry } from "./entry";
import { useTokens } from "./queries";
import { meant, useMay, type Scope } from "./session";
import { figure } from "./typed";
import { Wish } from "./wish";

type Token = Schemas["TokenView"];
type Made = Schemas["TokenMade"];

const DAY = 86_400;
const SCOPES: readonly { value: Scope; label: string }[] = [
  { value: "read", label: c.tokens.scopes.read },
  { value: "operate", label: c.tokens.scopes.operate },
  { value: "admin", label: c.tokens.scopes.admin },
];

export function TokensPage() {
  const may = useMay("admin");
  const [made, setMade] = useState<Made | null>(null);
  return (
    <Page title={c.tokens.title} lead={c.tokens.lead} actions={<MakeToken shown={setMade} />}>
      {made && <Shown made={made} done={() => setMade(null)} />}
      {may ? <Every /> : <Banner tone="info">{c.tokens.needs}</Banner>}
    </Page>
  );
}

function MakeToken({ shown }: { shown: (made: Made) => void }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("read");
  const [days, setDays] = useState("90");
  async function act() {
    const expires = days.trim() === "" ? null : Math.round(figure(days) * DAY);
    const body = { name: name.trim(), scope, expires_in_seconds: expires };
    shown(await call("post", "/api/v1/tokens", { body, headers: meant() }));
    setName("");
  }
  return (
    <Wish main needs="admin" label={c.tokens.add} title={c.tokens.addTitle} words={[c.tokens.addWords]} press={c.tokens.addPress} act={act}>
      <Entry field="name" label={c.tokens.name} value={name} change={setName} hint={c.tokens.nameHint} shape={c.tokens.nameShape} />
      <Choice label={c.tokens.scope} name="scope" options={SCOPES} value={scope} change={setScope} />
      <p className="hint">{c.tokens.means[scope]}</p>
      <Entry field="expires_in_seconds" kind="number" className="short" label={c.tokens.days} value={days} change={setDays} hint={c.tokens.daysHint} />
    </Wish>
  );
}

/** The one time that the token can be read. */
function Shown({ made, done }: { made: Made; done: () => void }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <section ref={box} className="card form" aria-label={c.tokens.shown(made.name)} tabIndex={-1}>
      <strong>{c.tokens.shown(made.name)}</strong>
      <p className="secret">
        <code>{made.token}</code>
        <Copy text={made.token} />
      </p>
      <p className="quiet">{c.tokens.once}</p>
      <div>
        <button type="button" className="button" onClick={done}>
          {c.tokens.kept}
        </button>
      </div>
    </section>
  );
}

function Every() {
  const tokens = useTokens();
  const now = useNow();
  return (
    <Section title={c.tokens.every}>
      <Loaded of={tokens} lines={4}>
        {(found) => <Table caption={c.tokens.every} rows={[...found.tokens].reverse()} id={({ id }) => id} columns={columns(now)} />}
      </Loaded>
    </Section>
  );
}

const isOver = ({ expires_at }: Token, now: number) => expires_at !== null && Date.parse(expires_at) <= now;

function columns(now: number): Column<Token>[] {
  return [
    { key: "name", title: c.tokens.name, head: true, cell: ({ name, id }) => (<>{name}<span className="block quiet mono breaks">{id}</span></>) },
    { key: "scope", title: c.tokens.scope, cell: ({ scope }) => <Badge tone={scope === "read" ? "quiet" : "info"}>{c.session.scopes[scope] ?? scope}</Badge> },
    { key: "made", title: c.tokens.made, wide: true, order: ({ made_at }) => Date.parse(made_at), cell: ({ made_at }) => formatMoment(made_at) },
    { key: "until", title: c.tokens.until, order: ({ expires_at }) => (expires_at === null ? null : Date.parse(expires_at)), cell: ({ expires_at }) => (expires_at ? formatMoment(expires_at) : c.tokens.never) },
    { key: "state", title: c.tokens.state, cell: (token) => <State token={token} now={now} /> },
  ];
}

function State({ token, now }: { token: Token; now: number }) {
  if (token.revoked_at !== null) return <Badge tone="quiet">{c.tokens.revoked(formatMoment(token.revoked_at))}</Badge>;
  if (isOver(token, now)) return <Badge tone="quiet">{c.tokens.over}</Badge>;
  const act = () => call("delete", "/api/v1/tokens/{token_id}", { path: { token_id: token.id }, headers: meant() });
  return (
    <Wish
      small
      danger
      needs="admin"
      label={c.tokens.revoke}
      about={token.name}
      title={c.tokens.revokeTitle(token.name)}
      words={c.tokens.revokeWords}
      press={c.tokens.revokePress}
      act={act}
    />
  );
}
