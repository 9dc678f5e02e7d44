/** What all nodes serve, and changing it: the whole as JSON, its differences first, then for all at once. */

import { useState } from "react";

import { call, Refused, type Schemas } from "../api/client";
import { Amount } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner, type Tone } from "../components/banner";
import { Figure, Figures } from "../components/figure";
import { Page, Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { t } from "../texts";
import { c } from "../texts/console";
import { formatCount } from "../units/number";
import { asked } from "./document";
import { useCatalog } from "./queries";
import { meant, under, useMay } from "./session";
import { Wish } from "./wish";
import { Words } from "./words";

type Catalog = Schemas["CatalogView"];
type Job = Schemas["JobView"];
type Bridge = Schemas["BridgeView"];
type Change = Schemas["CatalogChange"];
type Wanted = Schemas["PutCatalog"];

const JOBS: Record<string, Tone | "quiet"> = { adding: "info", served: "quiet", open: "good", closing: "warn", leaving: "warn" };
const ADAPTERS: Record<string, Tone | "quiet"> = { starting: "info", serving: "good", upgrading: "info", kept_old: "bad", leaving: "warn" };
const WHATS: Record<string, Tone> = { added: "good", changed: "info", removed: "bad" };
const GWEI = 10n ** 9n;

export function CatalogPage() {
  const catalog = useCatalog();
  return (
    <Page title={c.catalog.title} lead={c.catalog.lead}>
      <Loaded of={catalog} lines={8}>
        {(seen) => <Whole catalog={seen} />}
      </Loaded>
    </Page>
  );
}

function Whole({ catalog }: { catalog: Catalog }) {
  const { revision, acknowledged } = catalog;
  return (
    <>
      <Figures>
        <Figure name={c.catalog.revision} value={formatCount(revision)} />
        <Figure
          name={c.catalog.acknowledged}
          value={acknowledged === null ? c.catalog.nobody : formatCount(acknowledged)}
          note={acknowledged !== null && acknowledged < revision ? c.catalog.behind : undefined}
        />
        <Figure name={c.catalog.jobs} value={formatCount(catalog.jobs.length)} />
        <Figure name={c.catalog.bridges} value={formatCount(catalog.bridges.length)} />
      </Figures>
      <Section title={c.catalog.jobs}>
        <Table caption={c.catalog.jobs} rows={catalog.jobs} id={({ id }) => id} columns={JOB} empty={c.catalog.noJobs} />
      </Section>
      <Section title={c.catalog.bridges}>
        <Table caption={c.catalog.bridges} rows={catalog.bridges} id={({ name }) => name} columns={BRIDGE} empty={c.catalog.noBridges} />
      </Section>
      <Changing catalog={catalog} />
    </>
  );
}

const JOB: Column<Job>[] = [
  { key: "name", title: c.catalog.job, head: true, cell: ({ name, id }) => (<>{name}<span className="block quiet mono breaks">{id}</span></>) },
  { key: "type", title: c.catalog.type, wide: true, cell: ({ type }) => type },
  { key: "payment", title: c.catalog.payment, numeric: true, cell: ({ offer }) => (offer ? <Amount value={offer.payment} /> : c.catalog.noOffer) },
  { key: "penalty", title: c.catalog.penalty, numeric: true, cell: ({ offer }) => <Amount value={offer?.penalty} /> },
  { key: "ceiling", title: c.catalog.ceiling, numeric: true, wide: true, cell: ({ offer }) => (offer ? c.catalog.gwei(String(BigInt(offer.base_fee_ceiling) / GWEI)) : <Amount value={null} />) },
  {
    key: "state",
    title: c.catalog.state,
    cell: ({ state, detail }) => (
      <>
        <Badge tone={JOBS[state] ?? "quiet"}>{c.catalog.states[state] ?? state}</Badge>
        {detail && <span className="block quiet">{detail}</span>}
      </>
    ),
  },
];

const BRIDGE: Column<Bridge>[] = [
  { key: "name", title: c.catalog.bridge, head: true, cell: ({ name }) => <span className="mono">{name}</span> },
  { key: "runs", title: c.catalog.runs, cell: ({ program }) => (program ? c.catalog.byPool : c.catalog.elsewhere) },
  { key: "urls", title: c.catalog.urls, cell: ({ urls }) => <span className="mono breaks">{urls.join(" ")}</span> },
  { key: "state", title: c.catalog.state, cell: (bridge) => <BridgeState bridge={bridge} /> },
];

function BridgeState({ bridge: { program, leaving } }: { bridge: Bridge }) {
  if (!program) return leaving ? <Badge tone="warn">{c.catalog.leaving}</Badge> : <Amount value={null} />;
  const healthy = program.tasks.filter((task) => task.healthy).length;
  return (
    <>
      <Badge tone={ADAPTERS[program.state] ?? "quiet"}>{c.catalog.adapterStates[program.state] ?? program.state}</Badge>
      <span className="block quiet">{c.catalog.tasks(healthy, program.tasks.length)}</span>
      {program.detail && <span className="block quiet">{program.detail}</span>}
    </>
  );
}

const pretty = (catalog: Catalog) => JSON.stringify(asked(catalog), null, 2);

/** What would change, and of which revision that is true. */
interface Looked {
  wanted: Wanted;
  revision: number;
  change: Change;
}

function Changing({ catalog }: { catalog: Catalog }) {
  const may = useMay("operate");
  const [text, setText] = useState<string | null>(null);
  const [looked, setLooked] = useState<Looked | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const shown = text ?? pretty(catalog);

  function put(next: string | null) {
    setText(next);
    setLooked(null);
    setSaid(null);
    setWrong(null);
  }

  async function look() {
    setWrong(null);
    setSaid(null);
    let wanted: Wanted;
    try {
      wanted = JSON.parse(shown) as Wanted;
    } catch (failure) {
      setWrong(c.catalog.notJson(String(failure)));
      return;
    }
    try {
      const body = { ...wanted, dry_run: true };
      const change = await under(call("post", "/api/v1/catalog", { body, headers: meant() }));
      setLooked({ wanted, revision: catalog.revision, change });
    } catch (failure) {
      setWrong(failure instanceof Refused ? failure.message : t.unreachable);
    }
  }

  async function apply({ wanted, revision }: Looked) {
    const body = { ...wanted, dry_run: false, if_revision: revision };
    const change = await call("post", "/api/v1/catalog", { body, headers: meant() });
    put(null);
    setSaid(c.catalog.applied(change.revision));
  }

  return (
    <Section title={c.catalog.change}>
      <p className="quiet">
        {c.catalog.changeLead} <Words of={c.catalog.secrets} />
      </p>
      <div className="field">
        <label htmlFor="catalog">{c.catalog.json}</label>
        <textarea id="catalog" className="json" spellCheck={false} readOnly={!may} value={shown} onChange={(event) => put(event.target.value)} />
      </div>
      <div className="row">
        <button type="button" className="button main" disabled={!may} title={may ? undefined : c.session.lacks("operate")} onClick={() => void look()}>
          {c.catalog.show}
        </button>
        <label className="button file">
          {c.catalog.file}
          <input
            type="file"
            accept="application/json,.json"
            className="unseen"
            disabled={!may}
            onChange={(event) => {
              void event.target.files?.[0]?.text().then(put);
              event.target.value = "";
            }}
          />
        </label>
        {text !== null && (
          <button type="button" className="button" onClick={() => put(null)}>
            {c.catalog.reset}
          </button>
        )}
      </div>
      <div aria-live="polite" className="form">
        {wrong && <Banner tone="bad">{wrong}</Banner>}
        {said && <Banner tone="good">{said}</Banner>}
        {looked && <Difference looked={looked} apply={apply} />}
      </div>
    </Section>
  );
}

function Difference({ looked, apply }: { looked: Looked; apply: (looked: Looked) => Promise<void> }) {
  const { changes, on_chain } = looked.change;
  return (
    <>
      <h3>{c.catalog.diff}</h3>
      {changes.length === 0 && <p>{c.catalog.nothing}</p>}
      <ul className="diff">
        {changes.map((change) => (
          <li key={`${change.kind} ${change.id} ${change.what}`}>
            <Badge tone={WHATS[change.what] ?? "info"}>{c.catalog.whats[change.what] ?? change.what}</Badge>
            <span>
              {c.catalog.kinds[change.kind] ?? change.kind} <strong>{change.name}</strong>
            </span>
            {change.detail && <span className="detail quiet">{change.detail}</span>}
          </li>
        ))}
      </ul>
      {on_chain.length > 0 && (
        <>
          <h3>{c.catalog.onChain}</h3>
          <ol className="points">
            {on_chain.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ol>
        </>
      )}
      {changes.length > 0 && (
        <div>
          <Wish
            main
            label={c.catalog.apply}
            title={c.catalog.applyTitle}
            words={c.catalog.applyWords(changes.length)}
            press={c.catalog.apply}
            act={() => apply(looked)}
          />
        </div>
      )}
    </>
  );
}
