/** The console's own line under the shell's: where one is, who one is, whether figures are live. */

import { useEffect, useRef, type ReactNode } from "react";
import { Link, useRoute } from "wouter";

import { Badge } from "../components/badge";
import { Banner } from "../components/banner";
import { c } from "../texts/console";
import { formatDuration } from "../units/number";
import { useHeard } from "./events";
import { useIdle, WARNING } from "./idle";
import { useAlarms } from "./queries";
import { leave, type Session } from "./session";

export function ConsoleBar({ session }: { session: Session }) {
  const { live } = useHeard();
  const left = useIdle(session);
  return (
    <div className="console-bar">
      <nav aria-label={c.nav.label} className="inside">
        <Tab href="/console" also="/console/nodes/*">
          {c.nav.fleet}
        </Tab>
        <AlarmsTab />
        <Tab href="/console/upgrades" also="/console/upgrades/*">
          {c.nav.upgrades}
        </Tab>
        <Tab href="/console/scaling">{c.nav.scaling}</Tab>
        <Tab href="/console/money">{c.nav.money}</Tab>
        <Tab href="/console/catalog">{c.nav.catalog}</Tab>
        <Tab href="/console/tokens">{c.nav.tokens}</Tab>
        <Tab href="/console/audit">{c.nav.audit}</Tab>
      </nav>
      <section aria-label={c.session.label} className="who">
        <Badge tone={live ? "good" : "warn"}>{live ? c.session.live : c.session.notLive}</Badge>
        <span className="name" title={c.session.as(session.name)}>
          <span className="unseen">{c.session.as("")}</span>
          {session.name}
        </span>
        <Badge tone={session.scope === "read" ? "quiet" : "info"}>{c.session.scopes[session.scope] ?? session.scope}</Badge>
        <button type="button" className="button small" onClick={() => void leave("out")}>
          {c.session.out}
        </button>
      </section>
      {left < WARNING && (
        <div className="ending">
          <Banner tone="warn" alert>
            {c.session.ends(formatDuration(Math.max(0, left)))}
            <button type="button" className="button small">
              {c.session.stay}
            </button>
          </Banner>
        </div>
      )}
    </div>
  );
}

/** How many are up is told on every page. */
function AlarmsTab() {
  const up = useAlarms().data?.alarms ?? [];
  const tone = up.some(({ severity }) => severity === "critical") ? "bad" : "warn";
  return (
    <Tab href="/console/alarms">
      {c.nav.alarms}
      {up.length > 0 && (
        <span className={`count ${tone}`}>
          {String(up.length)}
          <span className="unseen"> {c.alarms.areUp}</span>
        </span>
      )}
    </Tab>
  );
}

function Tab({ href, also, children }: { href: string; also?: string; children: ReactNode }) {
  const [here] = useRoute(href);
  const [below] = useRoute(also ?? href);
  const tab = useRef<HTMLAnchorElement>(null);
  const on = here || below;
  useEffect(() => {
    if (on) tab.current?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone it may be out of sight
  }, [on]);
  return (
    <Link ref={tab} href={href} aria-current={on ? "page" : undefined}>
      {children}
    </Link>
  );
}
