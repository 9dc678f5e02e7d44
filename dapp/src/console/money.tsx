/** The treasury, and whether the fee pays for it all. */

import { call, type Schemas } from "../api/client";
import { Address, shortened } from "../components/address";
import { Amount } from "../components/amount";
import { Badge } from "../components/badge";
import { Banner, type Tone } from "../components/banner";
import { Figure, Figures } from "../components/figure";
import { Page, Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Table, type Column } from "../components/table";
import { useConfig } from "../config";
import { c } from "../texts/console";
import { formatAmount } from "../units/amount";
import { formatMoment } from "../units/number";
import { Economics } from "./economics";
import { Prices } from "./prices";
import { remember } from "./asked";
import { Progress } from "./progress";
import { useTreasury } from "./queries";
import { meant } from "./session";
import { Wish } from "./wish";

type Treasury = Schemas["TreasuryView"];
type Kept = Schemas["AccountView"];
type Sent = Schemas["linkpool__wire__money__MoveView"];

const STATES: Record<Sent["state"], Tone> = { open: "info", landed: "good", failed: "bad" };
const PLACES = 4;
/** An address or an id within a purpose. */
const LONG = /(0x)?[0-9a-f]{24,}/gi;

export function MoneyPage() {
  const treasury = useTreasury();
  return (
    <Page title={c.money.title} lead={c.money.lead}>
      <Progress />
      <Loaded of={treasury} lines={6}>
        {(seen) => <Purse treasury={seen} />}
      </Loaded>
      <Economics />
      <Prices />
      {treasury.data && (
        <Section title={c.money.moves}>
          <Table
            caption={c.money.moves}
            rows={treasury.data.moves}
            id={({ hash, purpose }) => `${hash} ${purpose}`}
            columns={SENT}
            empty={c.money.noMoves}
          />
        </Section>
      )}
    </Page>
  );
}

function Purse({ treasury }: { treasury: Treasury }) {
  const { coin } = useConfig();
  const coins = (wei: string) => `${formatAmount(BigInt(wei), 2)} ${coin}`;
  return (
    <>
      {treasury.hold && <Banner tone="bad">{c.money.hold(treasury.hold)}</Banner>}
      <Section title={c.money.treasury} aside={<Address value={treasury.address} />}>
        <Figures>
          <Figure name={c.money.balance} value={<Amount value={treasury.balance} unit="coin" places={3} />} note={c.money.addressNote} />
          <Figure name={c.money.floor} value={<Amount value={treasury.floor} unit="coin" places={3} />} note={c.money.floorNote} />
          <Figure
            name={c.money.day}
            value={<Amount value={treasury.day} unit="coin" places={3} />}
            note={c.money.dayOf(coins(treasury.limits.pool))}
          />
          <Figure name={c.money.marks} value={<Amount value={treasury.low} unit="none" places={3} />} note={c.money.high(coins(treasury.high))} />
        </Figures>
        <Table caption={c.money.accounts} titled rows={treasury.accounts} id={({ address }) => address} columns={KEPT} />
      </Section>
    </>
  );
}

const KEPT: Column<Kept>[] = [
  { key: "account", title: c.money.account, head: true, cell: ({ address }) => <Address value={address} /> },
  {
    key: "role",
    title: c.money.role,
    cell: ({ role, node, slot, held }) => (
      <>
        {role === "manager" ? c.money.manager : c.money.sender(node ? shortened(node) : "?", slot)}
        <span className="block quiet">{held ? c.money.held : c.money.idle}</span>
      </>
    ),
  },
  {
    key: "balance",
    title: c.money.balance,
    numeric: true,
    order: ({ balance }) => BigInt(balance),
    cell: ({ balance }) => <Amount value={balance} unit="coin" places={PLACES} />,
  },
  { key: "room", title: c.money.room, numeric: true, wide: true, cell: ({ room }) => <Amount value={room} unit="coin" places={2} /> },
  {
    key: "spent",
    title: c.money.spent,
    numeric: true,
    order: ({ spent }) => BigInt(spent),
    cell: ({ spent }) => <Amount value={spent} unit="coin" places={PLACES} />,
  },
  { key: "frozen", title: c.money.standing, cell: (account) => <Standing account={account} /> },
];

function Standing({ account }: { account: Kept }) {
  if (account.revoked) return <Badge tone="quiet">{c.money.revoked}</Badge>;
  return account.frozen ? <Frozen account={account} why={account.frozen.why} /> : c.money.good;
}

function Frozen({ account, why }: { account: Kept; why: string }) {
  const { address, node } = account;
  const name = shortened(address);
  const unfreeze = () => call("post", "/api/v1/treasury/unfreeze/{sender}", { path: { sender: address }, headers: meant() });
  async function revoke(key: string) {
    const path = { node: node ?? "", sender: address };
    remember(await call("post", "/api/v1/nodes/{node}/senders/{sender}/revoke", { path, headers: meant(key) }));
  }
  return (
    <>
      <Badge tone="bad">{c.money.frozen}</Badge>
      <span className="block breaks">{why}</span>
      <span className="row">
        {node && (
          <Wish
            small
            danger
            label={c.money.revoke}
            about={name}
            title={c.money.revokeTitle(name)}
            words={c.money.revokeWords}
            press={c.money.revoke}
            act={revoke}
          />
        )}
        <Wish
          small
          label={c.money.unfreeze}
          about={name}
          title={c.money.unfreezeTitle(name)}
          words={c.money.unfreezeWords}
          press={c.money.unfreezePress}
          act={unfreeze}
        />
      </span>
    </>
  );
}

const SENT: Column<Sent>[] = [
  { key: "when", title: c.money.when, cell: ({ at }) => formatMoment(at) },
  { key: "purpose", title: c.money.purpose, head: true, cell: ({ purpose }) => <span className="breaks" title={purpose}>{purpose.replace(LONG, shortened)}</span> },
  { key: "target", title: c.money.account, wide: true, cell: ({ target }) => <Address value={target} /> },
  { key: "value", title: c.money.value, numeric: true, cell: ({ value }) => <Amount value={value} unit="coin" places={PLACES} /> },
  { key: "cost", title: c.money.cost, numeric: true, cell: ({ cost }) => <Amount value={cost} unit="coin" places={6} /> },
  { key: "state", title: c.money.state, cell: ({ state }) => <Badge tone={STATES[state]}>{c.money.states[state] ?? state}</Badge> },
];
