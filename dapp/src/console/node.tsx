/** One node in full, for its operator. */

import { Link } from "wouter";

import { Address } from "../components/address";
import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Page, Section } from "../components/page";
import { Empty, Loaded } from "../components/skeleton";
import { c } from "../texts/console";
import { formatMoment } from "../units/number";
import { Feed } from "./feed";
import { Retire } from "./make";
import { Progress } from "./progress";
import { useFleet, type Node } from "./queries";
import { Replicas } from "./replicas";
import { nodeWord, totals } from "./standing";

export function NodePage({ index }: { index: number }) {
  const fleet = useFleet();
  const node = fleet.data?.nodes.find((each) => each.index === index);
  return (
    <Page
      title={c.fleet.node(index)}
      lead={<Link href="/console">{c.node.back}</Link>}
      actions={node && <Retire node={node} />}
    >
      <Progress />
      <Loaded of={fleet} lines={8}>
        {({ nodes }) =>
          node ? <Whole node={node} highest={totals(nodes).highest} /> : <Empty>{c.node.unknown}</Empty>
        }
      </Loaded>
    </Page>
  );
}

function Whole({ node, highest }: { node: Node; highest: number | null }) {
  const { word, tone } = nodeWord(node);
  return (
    <>
      <Section title={c.node.replicas} aside={<Badge tone={tone}>{word}</Badge>}>
        <Replicas node={node} highest={highest} name={c.fleet.node(node.index)} />
      </Section>
      <div className="halves">
        <Section title={c.node.facts} aside={node.stake !== null && node.id && <Link href={`/nodes/${node.id}`}>{c.node.public}</Link>}>
          <dl className="facts">
            <dt>{c.node.id}</dt>
            <dd>{node.id ? <Address value={node.id} whole /> : <None />}</dd>
            <dt>{c.node.wallet}</dt>
            <dd>{node.wallet ? <Address value={node.wallet} whole /> : <None />}</dd>
            <dt>{c.node.stake}</dt>
            <dd>
              <Amount value={node.stake} />
            </dd>
            <dt>{c.node.capacity}</dt>
            <dd>
              <Amount value={node.capacity} />
            </dd>
            <dt>{c.node.earned}</dt>
            <dd>
              <Amount value={node.earned} />
            </dd>
            <dt>{c.node.accepting}</dt>
            <dd>{node.accepting ? c.replica.yes : c.replica.no}</dd>
            <dt>{c.node.made}</dt>
            <dd>{formatMoment(node.made_at)}</dd>
            <dt>{c.node.changed}</dt>
            <dd>{formatMoment(node.changed_at)}</dd>
          </dl>
          {node.replicas.map((replica) => (
            <dl className="facts" key={replica.task}>
              <dt>{c.replica.task}</dt>
              <dd className="mono">{replica.task}</dd>
              <dt>{c.replica.sender}</dt>
              <dd>{replica.sender ? <Address value={replica.sender} /> : <None />}</dd>
              <dt>{c.replica.catalog}</dt>
              <dd>{String(replica.catalog)}</dd>
              <dt>{c.replica.roster}</dt>
              <dd>{replica.in_roster ? c.replica.yes : c.replica.no}</dd>
              <dt>{c.replica.pid}</dt>
              <dd>{replica.pid === null ? <None /> : String(replica.pid)}</dd>
            </dl>
          ))}
        </Section>
        <Feed nodes={[node]} only={node.id} />
      </div>
    </>
  );
}
