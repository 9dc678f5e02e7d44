/** What nodes serve, at what price and with what penalty. All nodes serve the same. */

import type { Schemas } from "../api/client";
import { Copy, shortened } from "../components/address";
import { Amount, None } from "../components/amount";
import { Badge } from "../components/badge";
import { Explain } from "../components/explain";
import { Table } from "../components/table";
import { t } from "../texts";

type Job = Schemas["ServedJob"];
type Offer = Schemas["JobOffer"];

/** The offer a requester would use: an open one first. */
export function bestOffer(job: Job): Offer | undefined {
  return job.offers.find((each) => each.open) ?? job.offers[0];
}

export function Jobs({ jobs }: { jobs: readonly Job[] }) {
  return (
    <Table
      caption={t.jobs.title}
      rows={jobs}
      id={(job) => job.id}
      empty={t.jobs.none}
      columns={[
        { key: "name", title: t.jobs.job, head: true, cell: (job) => job.name, order: (job) => job.name },
        {
          key: "id",
          title: t.jobs.id,
          cell: (job) => (
            <span className="address">
              <span title={job.id}>{shortened(job.id)}</span>
              <Copy text={job.id} />
            </span>
          ),
        },
        {
          key: "offer",
          title: t.jobs.offer,
          cell: (job) =>
            bestOffer(job)?.open ? <Badge tone="good">{t.jobs.open}</Badge> : <Badge tone="quiet">{t.jobs.closed}</Badge>,
        },
        {
          key: "price",
          title: t.jobs.price,
          numeric: true,
          cell: (job) => <Amount value={bestOffer(job)?.payment} places={4} />,
          order: (job) => amountOf(job, "payment"),
        },
        {
          key: "penalty",
          title: t.jobs.penalty,
          aside: (
            <Explain what={t.jobs.penalty}>
              <p>{t.jobs.penaltyMethod}</p>
            </Explain>
          ),
          numeric: true,
          cell: (job) =>
            bestOffer(job) ? <Amount value={bestOffer(job)?.penalty} places={4} /> : <None />,
          order: (job) => amountOf(job, "penalty"),
        },
      ]}
    />
  );
}

function amountOf(job: Job, key: "payment" | "penalty"): bigint | null {
  const offer = bestOffer(job);
  return offer ? BigInt(offer[key]) : null;
}
