/** Releases, rollouts, and starting one. */

import { useState } from "react";
import { Link, useLocation } from "wouter";

import { call, type Schemas } from "../api/client";
import { Badge } from "../components/badge";
import { Page, Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { c } from "../texts/console";
import { formatCount, formatMoment } from "../units/number";
import { moved, TONES } from "./moves";
import { useFleet, useReleases, useRollouts, type Node, type Rollout } from "./queries";
import { AddRelease } from "./release";
import { meant } from "./session";
import { releases as runs } from "./standing";
import { Wish } from "./wish";

type Release = Schemas["ReleaseView"];

const WAVE = 4;

export function UpgradesPage() {
  const known = useReleases();
  const rollouts = useRollouts();
  const fleet = useFleet();
  return (
    <Page title={c.upgrades.title} lead={c.upgrades.lead}>
      <div className="halves">
        <Section title={c.upgrades.start}>
          <Loaded of={known}>
            {({ releases }) => <Start releases={releases} nodes={(fleet.data?.nodes ?? []).filter((node) => node.state === "serving")} />}
          </Loaded>
        </Section>
        <Section title={c.upgrades.releases} aside={known.data && <AddRelease releases={known.data.releases} />}>
          <Loaded of={known}>
            {({ releases }) => (
              <Table caption={c.upgrades.releases} rows={[...releases].reverse()} id={({ name }) => name} columns={RELEASES} />
            )}
          </Loaded>
        </Section>
      </div>
      <Section title={c.upgrades.past}>
        <Loaded of={rollouts}>
          {(found) => (
            <Table caption={c.upgrades.past} rows={found.rollouts} id={({ id }) => id} columns={ROLLOUTS} empty={c.upgrades.none} />
          )}
        </Loaded>
      </Section>
    </Page>
  );
}

const RELEASES: Column<Release>[] = [
  {
    key: "name",
    title: c.upgrades.name,
    head: true,
    cell: ({ name, current }) => (
      <span className="row">
        <span className="mono">{name}</span>
        {current && <Badge tone="good">{c.upgrades.current}</Badge>}
      </span>
    ),
  },
  { key: "runs", title: c.upgrades.runs, cell: ({ image, command }) => <span className="mono clip">{image ?? command.join(" ")}</span> },
  { key: "nodes", title: c.upgrades.nodes, numeric: true, cell: ({ nodes }) => formatCount(nodes) },
];

const ROLLOUTS: Column<Rollout>[] = [
  {
    key: "release",
    title: c.upgrades.release,
    head: true,
    cell: ({ id, release }) => <Link href={`/console/upgrades/${id}`}>{c.upgrades.one(release)}</Link>,
  },
  {
    key: "state",
    title: c.upgrades.state,
    cell: ({ state }) => <Badge tone={TONES[state]}>{c.upgrades.states[state] ?? state}</Badge>,
  },
  { key: "moved", title: c.upgrades.moved, cell: (rollout) => c.upgrades.done(...moved(rollout)) },
  { key: "when", title: c.upgrades.when, cell: ({ made_at }) => formatMoment(made_at) },
];

/** The release that an upgrade most likely goes to: the youngest that is not what new nodes run. */
function likely(releases: readonly Release[]): string {
  return [...releases].reverse().find((release) => !release.current)?.name ?? "";
}

function Start({ releases, nodes }: { releases: readonly Release[]; nodes: readonly Node[] }) {
  const [, go] = useLocation();
  const [picked, setPicked] = useState<string | null>(null);
  const [all, setAll] = useState(true);
  const [some, setSome] = useState<readonly string[]>([]);
  const [wave, setWave] = useState(WAVE);
  const release = picked ?? likely(releases);
  if (releases.length < 2) return <p className="quiet">{c.upgrades.noOther}</p>;

  async function act(key: string) {
    const whole = { release, all, nodes: all ? [] : [...some], wave, within: 180 };
    const { rollout } = await call("post", "/api/v1/rollouts", { body: whole, headers: meant(key) });
    go(`/console/upgrades/${rollout.id}`);
  }

  const toggle = (id: string, on: boolean) => setSome((now) => (on ? [...now, id] : now.filter((each) => each !== id)));
  return (
    <div className="form">
      <div className="field">
        <label htmlFor="release">{c.upgrades.release}</label>
        <select id="release" value={release} onChange={(event) => setPicked(event.target.value)}>
          {[...releases].reverse().map(({ name, nodes: on, current }) => (
            <option key={name} value={name}>
              {name} ({current ? `${c.upgrades.current}, ` : ""}
              {c.upgrades.on(on)})
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <span className="group" aria-hidden="true">
          {c.upgrades.which}
        </span>
        <fieldset className="choice">
          <legend className="unseen">{c.upgrades.which}</legend>
          <label>
            <input type="radio" name="which" checked={all} onChange={() => setAll(true)} />
            <span>{c.upgrades.all}</span>
          </label>
          <label>
            <input type="radio" name="which" checked={!all} onChange={() => setAll(false)} />
            <span>{c.upgrades.some}</span>
          </label>
        </fieldset>
      </div>
      {!all && (
        <fieldset className="picks">
          <legend className="unseen">{c.upgrades.some}</legend>
          {nodes.map((node) => (
            <label key={node.index}>
              <input
                type="checkbox"
                checked={some.includes(node.id ?? "")}
                onChange={(event) => toggle(node.id ?? "", event.target.checked)}
              />
              {c.fleet.node(node.index)} <span className="quiet mono">{runs(node).join(", ")}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div className="field short">
        <label htmlFor="wave">{c.upgrades.wave}</label>
        <input id="wave" type="number" min={1} max={100} value={wave} onChange={(event) => setWave(Math.min(100, Math.max(1, Number(event.target.value) || 1)))} />
      </div>
      <div>
        <Wish
          main
          label={c.upgrades.press(release)}
          title={c.upgrades.confirmTitle(release)}
          words={[all ? c.upgrades.confirmAll : c.upgrades.confirmSome(some.length), c.upgrades.confirmWords]}
          press={c.upgrades.press(release)}
          hindered={!all && some.length === 0 ? c.upgrades.pick : null}
          act={act}
        />
      </div>
    </div>
  );
}
