/** The replicas of a node, as lines under each other. */

import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Table, type Column } from "../components/table";
import { c } from "../texts/console";
import { formatAge, formatCount } from "../units/number";
import type { Node, Replica } from "./queries";
import { isSilent, late, replicaWord } from "./standing";

const GAS_PLACES = 4;

interface Props {
  node: Node;
  /** The furthest block of all replicas. */
  highest: number | null;
  name: string;
}

export function Replicas({ node, highest, name }: Props) {
  return (
    <Table
      caption={c.fleet.replicasOf(name)}
      rows={[...node.replicas].sort((a, b) => rank(node, a) - rank(node, b))}
      id={(replica) => replica.task}
      columns={columns(node, highest)}
      empty={c.fleet.noReplicas}
    />
  );
}

const AFTER = 1_000_000;

/** The primary colour first, then by slot. */
function rank(node: Node, replica: Replica): number {
  return (replica.colour === node.primary ? 0 : AFTER) + (replica.slot ?? AFTER - 1);
}

function columns(node: Node, highest: number | null): Column<Replica>[] {
  return [
    { key: "name", title: c.replica.name, head: true, cell: (replica) => <Name replica={replica} primary={replica.colour === node.primary} /> },
    { key: "state", title: c.replica.state, cell: (replica) => <State replica={replica} /> },
    { key: "release", title: c.replica.release, wide: true, cell: ({ release }) => <span className="mono">{release}</span> },
    { key: "head", title: c.replica.head, numeric: true, cell: (replica) => <Head replica={replica} highest={highest} /> },
    { key: "open", title: c.replica.open, numeric: true, cell: ({ open }) => formatCount(open) },
    { key: "answered", title: c.replica.answered, numeric: true, cell: ({ answered }) => formatCount(answered) },
    { key: "gas", title: c.replica.gas, numeric: true, cell: ({ balance }) => <Amount value={balance} unit="coin" places={GAS_PLACES} /> },
    { key: "heard", title: c.replica.heard, numeric: true, cell: (replica) => <Heard replica={replica} /> },
  ];
}

function Name({ replica, primary }: { replica: Replica; primary: boolean }) {
  const colour = c.replica.colours[replica.colour] ?? replica.colour;
  return (
    <span className="replica-name">
      <span className={`swatch ${replica.colour}`} aria-hidden="true" />
      {c.replica.named(colour, replica.slot)}
      <span className="quiet">{primary ? c.replica.primary : c.replica.second}</span>
    </span>
  );
}

function State({ replica }: { replica: Replica }) {
  const { word, tone } = replicaWord(replica);
  return <Badge tone={tone}>{word}</Badge>;
}

function Head({ replica, highest }: { replica: Replica; highest: number | null }) {
  if (replica.head === null) return <None />;
  const blocks = late(replica, highest);
  return (
    <>
      {formatCount(replica.head)}
      {blocks > 0 && <span className="block late">{c.replica.late(blocks)}</span>}
    </>
  );
}

function Heard({ replica }: { replica: Replica }) {
  if (replica.heard_seconds_ago === null) return <None why={c.replica.never} />;
  return isSilent(replica) ? c.replica.ago(formatAge(replica.heard_seconds_ago)) : c.replica.now;
}
