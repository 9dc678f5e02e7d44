/** The guard as its operator sees it: the public share with its marks, its source, its trouble, and the override. */

import { useState } from "react";

import { call, type Schemas } from "../api/client";
import { Banner } from "../components/banner";
import { Section } from "../components/page";
import { Loaded } from "../components/skeleton";
import { Guard } from "../pages/guard";
import { c } from "../texts/console";
import { formatCount, formatMoment } from "../units/number";
import { GuardOff, SetGuard } from "./guard-set";
import { useGuard } from "./queries";
import { meant } from "./session";
import { Wish } from "./wish";

type Settings = NonNullable<Schemas["GuardView"]["settings"]>;

const HOUR = 3_600;
const MOST_HOURS = 720;

export function GuardSection() {
  const guard = useGuard();
  return (
    <Loaded of={guard}>
      {(seen) => (
        <div className="guard">
          <Guard guard={seen} />
          <Section title={c.guard.settings} aside={<Handles guard={seen} />}>
            {seen.settings ? (
              <>
                {seen.trouble && <Banner tone="warn">{c.guard.trouble(seen.trouble)}</Banner>}
                {seen.override && <Banner tone="info">{c.guard.active(seen.override.reason, formatMoment(seen.override.until))}</Banner>}
                <p className="breaks">
                  {c.guard.source}: {source(seen.settings)}
                </p>
              </>
            ) : (
              <p className="quiet">{c.guard.none}</p>
            )}
          </Section>
        </div>
      )}
    </Loaded>
  );
}

function Handles({ guard }: { guard: Schemas["GuardView"] }) {
  return (
    <span className="row">
      {guard.settings && (guard.override ? <Clear /> : <Override />)}
      <SetGuard settings={guard.settings} />
      {guard.settings && <GuardOff />}
    </span>
  );
}

function source({ source: from }: Settings): string {
  if (from.kind === "number") return c.guard.sources.number(formatCount(from.nodes));
  if (from.kind === "url") return c.guard.sources.url(from.url, from.path);
  return c.guard.sources.contract(from.address, from.function);
}

function Override() {
  const [reason, setReason] = useState("");
  const [hours, setHours] = useState("6");
  const count = Number(hours);
  const hindered = reason.trim() === "" ? c.guard.noReason : !(count >= 1 && count <= MOST_HOURS) ? c.guard.badHours : null;
  const act = () =>
    call("put", "/api/v1/guard/override", {
      body: { reason: reason.trim(), expires_in_seconds: Math.round(count * HOUR) },
      headers: meant(),
    });
  return (
    <Wish
      small
      label={c.guard.override}
      title={c.guard.overrideTitle}
      words={c.guard.overrideWords}
      press={c.guard.overridePress}
      hindered={hindered}
      act={act}
    >
      <div className="field">
        <label htmlFor="reason">{c.guard.reason}</label>
        <input id="reason" type="text" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
        <span className="hint">{c.guard.reasonHint}</span>
      </div>
      <div className="field short">
        <label htmlFor="hours">{c.guard.hours}</label>
        <input id="hours" type="number" min={1} max={MOST_HOURS} value={hours} onChange={(event) => setHours(event.target.value)} />
      </div>
    </Wish>
  );
}

function Clear() {
  const act = () => call("delete", "/api/v1/guard/override", { headers: meant() });
  return <Wish small label={c.guard.clear} title={c.guard.clearTitle} words={c.guard.clearWords} press={c.guard.clear} act={act} />;
}
