/** Every sentence of the stakers' pages, in English. The console's are in console.ts beside it. */

const s = (count: number, one: string, many = `${one}s`) => `${String(count)} ${count === 1 ? one : many}`;

export const en = {
  locale: "en",
  name: "LinkPool",
  skip: "Skip to the content",
  close: "Close",
  loading: "Loading",
  none: "none",
  nothing: "Nothing here yet.",
  notEnough: "not enough data",
  unreachable: "The pool's server does not answer. Trying again…",
  copied: "Copied",
  copy: (what: string) => `Copy ${what}`,
  explain: (what: string) => `What is ${what}?`,
  foot: (chain: string) => `LinkPool on ${chain}. Figures are read from the chain; nothing here is a promise.`,
  nav: { label: "Main", nodes: "Nodes", position: "My position", pool: "Pool", console: "Console" },
  lost: { title: "No such page", text: "There is nothing at this address.", back: "See all nodes" },
  theme: {
    label: (now: string) => `Theme: ${now}`,
    system: "as the system",
    light: "light",
    dark: "dark",
  },
  block: {
    title: "The block all figures on this page are true at",
    sign: (block: string) => `Block ${block}`,
    age: (age: string) => `${age} ago`,
  },
  stale: {
    behind: (block: string, late: string, age: string) =>
      `Figures are of block ${block}, ${late} blocks behind the chain (${age} old). They catch up by themselves; ` +
      "what you do in your wallet is not held up by this.",
    lost: (block: string, age: string) =>
      `The pool's server does not answer. You see block ${block}, ${age} old; it goes on as soon as the server is back. ` +
      "The nodes work on without it.",
    lostUnknown: "The pool's server does not answer. Trying again…",
    start: "The pool's server does not answer, so there is nothing to show yet. This page tries again by itself.",
  },
  time: {
    day: (count: number) => s(count, "day"),
    hour: (count: number) => s(count, "hour"),
    minute: (count: number) => s(count, "minute"),
    second: (count: number) => s(count, "second"),
  },
  age: {
    seconds: (count: number) => `${String(count)} s`,
    minutes: (count: number) => `${String(count)} min`,
    hours: (count: number) => `${String(count)} h`,
    days: (count: number) => `${String(count)} d`,
  },
  steps: { done: "(done)", now: "(under way)", failed: "(failed)", next: "(to come)" },
  chart: { table: "As a table", when: "When (UTC)" },
  wallet: {
    connect: "Connect wallet",
    yours: "Your wallet",
    disconnect: "Disconnect",
    browser: "Browser wallet",
    none: "This browser has no wallet. Install one that speaks to web pages (EIP-1193), then reload. Everything here can be read without.",
    promise: "Connecting shows this page your address. It moves nothing.",
    refused: "The wallet did not connect: it said no, or was closed. You can try again.",
    wrong: (chain: string) => `Your wallet is on another network. This pool is on ${chain}.`,
    change: (chain: string) => `Switch to ${chain}`,
    notChanged: (chain: string, id: number) =>
      `The wallet did not switch. Choose ${chain} (chain id ${String(id)}) in the wallet itself.`,
  },
  nodes: {
    title: "Nodes",
    lead: "Every node is two live replicas with one oracle contract. Pick one, stake LINK on it, and share what it earns.",
    search: "Search by address",
    filter: "Show",
    filters: { all: "All", open: "With room", serving: "Both replicas up", over: "Leaving" },
    count: (shown: number, all: number) => (shown === all ? s(all, "node") : `${String(shown)} of ${s(all, "node")}`),
    none: "No node is registered yet. A new one appears here by itself.",
    noMatch: "No node fits. Change the search or the filter.",
    fresh: (count: number) => `${s(count, "new node")} appeared.`,
  },
  node: {
    node: "Node",
    state: "State",
    states: {
      serving: "Serving",
      one: "One replica",
      down: "No replica",
      full: "Full",
      draining: "Draining",
      retired: "Retired",
    },
    capacity: "Stake / capacity",
    roomLeft: (room: string) => `room for ${room} LINK`,
    apr: "APR",
    aprMethod:
      "Stakers' income over the last 30 days (or since the node began), after the maker fee, less what penalties took, " +
      "as a yearly rate of the average stake. It needs a day of data. The past is no promise.",
    fee: "Fee",
    uptime: "Uptime",
    answered: "Answered",
    missed: "Missed",
    penalties: "Penalties",
    age: "Age",
  },
  stake: { action: "Stake", on: (node: string) => `Stake on ${node}` },
  pool: { staked: "Total staked", fee: "Maker fee" },
  console: { soon: "Being built." },
};

export type Texts = typeof en;
