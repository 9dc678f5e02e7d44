/** The shell around every page, and which page is at which path. */

import { Link, Route, Switch, useRoute } from "wouter";

import { BlockSign } from "./components/block";
import { Page } from "./components/page";
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

export function App() {
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
        </nav>
        <div className="tools">
          <BlockSign />
          <ThemeSwitch />
          <WalletButton />
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
      </span>
    </footer>
  );
}
