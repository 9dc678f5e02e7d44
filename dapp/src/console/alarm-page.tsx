/** The alarms that are up; then every kind there is, what it means and what to do, read before the night it is needed. */

import { Link } from "wouter";

import { Page, Section } from "../components/page";
import { Table, type Column } from "../components/table";
import { c } from "../texts/console";
import { ALERTS, PLACES } from "./alarm-kinds";
import { Alarms } from "./alarms";
import { Doc } from "./doc";
import { Words } from "./words";

export function AlarmsPage() {
  return (
    <Page title={c.alarms.title} lead={c.alarms.lead}>
      <Alarms />
      <Section title={c.alarms.every}>
        <Table caption={c.alarms.every} rows={Object.keys(PLACES)} id={(kind) => kind} columns={KINDS} />
      </Section>
      <Section title={c.alarms.alerts}>
        <p className="quiet">
          {c.alarms.alertsLead} <Doc path="runbooks/README.md" />
        </p>
        <Table caption={c.alarms.alerts} rows={ALERTS} id={(alert) => alert} columns={RULES} />
      </Section>
    </Page>
  );
}

const KINDS: Column<string>[] = [
  {
    key: "kind",
    title: c.alarms.alarm,
    head: true,
    cell: (kind) => (
      <>
        {c.alarms.kinds[kind] ?? kind}
        <span className="block quiet mono">{kind}</span>
      </>
    ),
  },
  { key: "means", title: c.alarms.means_, cell: (kind) => c.alarms.means[kind] },
  { key: "do", title: c.alarms.todo_, cell: (kind) => <Words of={c.alarms.advice[kind] ?? ""} /> },
  { key: "where", title: c.alarms.where, cell: (kind) => <Where kind={kind} /> },
];

function Where({ kind }: { kind: string }) {
  const place = PLACES[kind];
  if (!place) return null;
  return (
    <>
      <Link href={place.page}>{c.alarms.pages[place.page]}</Link>
      <span className="block">
        <Doc path={place.doc} />
      </span>
    </>
  );
}

type Alert = (typeof ALERTS)[number];

const RULES: Column<Alert>[] = [
  { key: "alert", title: c.alarms.alert, head: true, cell: (alert) => alert },
  { key: "means", title: c.alarms.means_, cell: (alert) => c.alarms.alertMeans[alert] },
  { key: "runbook", title: c.alarms.runbook, cell: (alert) => <Doc path={`runbooks/${alert}.md`} /> },
];
