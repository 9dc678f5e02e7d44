/** The operator's console: nothing of it without a session. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, Route, Switch } from "wouter";

import { Banner } from "../components/banner";
import { Page } from "../components/page";
import { Skeleton } from "../components/skeleton";
import "../style/console.css";
import { t } from "../texts";
import { c } from "../texts/console";
import { AlarmsPage } from "./alarm-page";
import { AuditPage } from "./audit";
import { ConsoleBar } from "./bar";
import { CatalogPage } from "./catalog";
import { CONSOLE, listen } from "./events";
import { FleetPage } from "./fleet";
import { Login } from "./login";
import { MoneyPage } from "./money";
import { NodePage } from "./node";
import { RolloutPage } from "./rollout";
import { ScalingPage } from "./scaling";
import { recall, useStanding, type Session } from "./session";
import { TokensPage } from "./tokens";
import { UpgradesPage } from "./upgrades";

const AGAIN_MS = 2_000;

export default function Console() {
  const { session } = useStanding();
  if (session === undefined) return <Recalling />;
  return session ? <Inside session={session} /> : <Login />;
}

/** Whether this browser has a session is asked once; until the control plane answers, nothing is known. */
function Recalling() {
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    let timer: number | undefined;
    const ask = () =>
      void recall().catch(() => {
        setSilent(true);
        timer = window.setTimeout(ask, AGAIN_MS);
      });
    ask();
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <Page title={c.name}>
      {silent && <Banner tone="warn">{t.unreachable}</Banner>}
      <Skeleton lines={6} />
    </Page>
  );
}

function Inside({ session }: { session: Session }) {
  const queries = useQueryClient();
  useEffect(() => {
    const stop = listen(queries);
    return () => {
      stop();
      queries.removeQueries({ queryKey: [CONSOLE] }); // the next one here may see less
    };
  }, [queries]);
  return (
    <>
      <ConsoleBar session={session} />
      <Switch>
        <Route path="/console">
          <FleetPage />
        </Route>
        <Route path="/console/nodes/:node">{({ node }) => <NodePage key={node} index={Number(node)} />}</Route>
        <Route path="/console/alarms">
          <AlarmsPage />
        </Route>
        <Route path="/console/upgrades">
          <UpgradesPage />
        </Route>
        <Route path="/console/upgrades/:rollout">{({ rollout }) => <RolloutPage key={rollout} id={rollout} />}</Route>
        <Route path="/console/scaling">
          <ScalingPage />
        </Route>
        <Route path="/console/money">
          <MoneyPage />
        </Route>
        <Route path="/console/catalog">
          <CatalogPage />
        </Route>
        <Route path="/console/tokens">
          <TokensPage />
        </Route>
        <Route path="/console/audit">
          <AuditPage />
        </Route>
        <Route>
          <Page title={t.lost.title}>
            <p>
              {t.lost.text} <Link href="/console">{c.node.back}</Link>
            </p>
          </Page>
        </Route>
      </Switch>
    </>
  );
}
