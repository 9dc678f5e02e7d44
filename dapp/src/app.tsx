/** The shell around every page, and which page is at which path. The console comes in a piece of its own. */

import { lazy, Suspense } from "react";
import { Link, Route, Switch, useRoute } from "wouter";

import { BlockSign } from "./components/block";
import { Page } from "./components/page";
import { Skeleton } from "./components/skeleton";
import { ThemeSwitch } from "./components/theme";
import { WalletButton } from "./components/wallet";
import { useWatch } from "./chain/watch";
import { useConfig } from "./config";
import { NodePage } from "./pages/node";
import { NodesPage } from "./pages/nodes";
import { PoolPage } from "./pages/pool";
import { PositionPage } from "./pages/position";
import { StakePage } from "./pages/stake";
import { t } from "./texts";

const Console = lazy(() => import("./console"));

export function App() {
  const [inConsole] = useRoute("/console/*?");
  useWatch();
  return (
    <>
      <a className="skip" href="#content">
        {t.skip}
      </a>
      <header className="bar-top">
        <Link href="/" className="brand" aria-label={t.name}>
          <img src="/mark.svg" alt="" width="24" height="24" />
          <span>{t.name}</span>
        </Link>
        <nav aria-label={t.nav.label}>
          <Tab href="/" also="/nodes/*?">
            {t.nav.nodes}
          </Tab>
          <Tab href="/position" also="/position/*">
            {t.nav.position}
          </Tab>
          <Tab href="/pool">{t.nav.pool}</Tab>
          {inConsole && (
            <Tab href="/console" also="/console/*">
              {t.nav.console}
            </Tab>
          )}
        </nav>
        <div className="tools">
          <BlockSign />
          <ThemeSwitch />
          {!inConsole && <WalletButton />}
        </div>
      </header>
      <Switch>
        <Route path="/">
          <NodesPage />
        </Route>
        <Route path="/nodes/:node">{({ node }) => <NodePage key={node} id={node} />}</Route>
        <Route path="/nodes/:node/stake">{({ node }) => <StakePage key={node} id={node} />}</Route>
        <Route path="/position/:address?">
          {({ address }) => <PositionPage key={address} {...(address ? { shown: address } : {})} />}
        </Route>
        <Route path="/pool">
          <PoolPage />
        </Route>
        <Route path="/console/*?">
          <Suspense fallback={<Waiting />}>
            <Console />
          </Suspense>
        </Route>
        <Route>
          <Page title={t.lost.title}>
            <p>
              {t.lost.text} <Link href="/">{t.lost.back}</Link>
            </p>
          </Page>
        </Route>
      </Switch>
      <Foot />
    </>
  );
}

function Waiting() {
  return (
    <main className="page" id="content">
      <Skeleton lines={6} />
    </main>
  );
}

function Tab({ href, also, children }: { href: string; also?: string; children: string }) {
  const [here] = useRoute(href);
  const [below] = useRoute(also ?? href);
  return (
    <Link href={href} aria-current={here || below ? "page" : undefined}>
      {children}
    </Link>
  );
}

function Foot() {
  const { links, chain_name } = useConfig();
  return (
    <footer className="foot">
      <span>{t.foot(chain_name)}</span>
      <span className="links">
        {Object.entries(links).map(([title, url]) => (
          <a key={title} href={url} rel="noreferrer">
            {title}
          </a>
        ))}
        <Link href="/console">{t.nav.console}</Link>
      </span>
    </footer>
  );
}
