/** Writing a scaling policy: every rule as a field, and what it would have done before it is set. */

import { use, useState } from "react";

import { call, type Schemas } from "../api/client";
import { Banner } from "../components/banner";
import { useConfig } from "../config";
import { c } from "../texts/console";
import { formatDuration, formatMoment } from "../units/number";
import { Entry, FormContext, Tick } from "./entry";
import { drafted, first, wanted, type Draft } from "./policy-draft";
import { meant, under } from "./session";
import { Wish } from "./wish";

type Policy = Schemas["ScalingPolicy"];
type Week = Schemas["WeekExplained"];
type Rule = Exclude<keyof Draft, "drain_staked">;

const HOURS = 168;
const STEPS_SHOWN = 6;

/** In the order in which one thinks of them; the unit after the field where it has one. */
const GROUPS: readonly { name: string; rules: readonly [Rule, string?][] }[] = [
  { name: c.policy.bounds, rules: [["floor"], ["ceiling"]] },
  { name: c.policy.demand, rules: [["stake_room", "LINK"], ["ahead_hours", "h"], ["load", "/s"], ["window_seconds", "s"]] },
  { name: c.policy.pace, rules: [["per_hour"], ["per_day"], ["budget_per_day", "coin"], ["budget_per_month"], ["rest_up_seconds", "s"]] },
  { name: c.policy.shrinking, rules: [["slack", "LINK"], ["rest_down_seconds", "s"]] },
];

export function WritePolicy({ policy, nodes, put }: { policy: Policy | null; nodes: number; put: (policy: Policy) => Promise<void> }) {
  const begin = () => (policy ? drafted(policy) : first(nodes));
  const [draft, setDraft] = useState(begin);
  return (
    <Wish
      small
      wide
      main={!policy}
      label={policy ? c.policy.change : c.policy.write}
      title={policy ? c.policy.changeTitle : c.policy.title}
      words={[c.policy.words]}
      press={c.policy.press}
      opening={() => setDraft(begin())}
      act={async () => put(wanted(draft))}
    >
      <Fields draft={draft} set={setDraft} />
      <DryRun draft={draft} />
    </Wish>
  );
}

function Fields({ draft, set }: { draft: Draft; set: (draft: Draft) => void }) {
  const { coin } = useConfig();
  return (
    <>
      {GROUPS.map(({ name, rules }) => (
        <fieldset key={name} className="group-of">
          <legend>{name}</legend>
          <div className="pairs">
            {rules.map(([rule, unit]) => (
              <Entry
                key={rule}
                field={`policy.${rule}`}
                kind="number"
                label={c.scaling.rules[rule] ?? rule}
                value={draft[rule]}
                change={(value) => set({ ...draft, [rule]: value })}
                hint={unit === "s" ? inWords(draft[rule]) : c.policy.hints[rule]}
                {...(unit ? { unit: unit === "coin" ? coin : unit } : {})}
              />
            ))}
          </div>
          {name === c.policy.shrinking && (
            <Tick label={c.policy.drain} on={draft.drain_staked} change={(on) => set({ ...draft, drain_staked: on })} />
          )}
        </fieldset>
      ))}
    </>
  );
}

function inWords(seconds: string): string {
  const count = Number(seconds);
  return seconds.trim() !== "" && count >= 0 ? formatDuration(count) : "";
}

/** What this policy would have done over what was recorded. */
function DryRun({ draft }: { draft: Draft }) {
  const { fail } = use(FormContext);
  const [week, setWeek] = useState<Week | null>(null);
  async function ask() {
    setWeek(null);
    try {
      const body = { policy: wanted(draft), hours: HOURS };
      setWeek(await under(call("post", "/api/v1/scaling/explain", { body, headers: meant() })));
    } catch (failure) {
      fail(failure);
    }
  }
  return (
    <div className="form" aria-live="polite">
      <div>
        <button type="button" className="button small" onClick={() => void ask()}>
          {c.policy.dryRun}
        </button>
      </div>
      {week && <Would week={week} />}
    </div>
  );
}

function Would({ week }: { week: Week }) {
  const done = week.steps.filter(({ action }) => action !== "hold");
  if (week.since === null) return <Banner tone="info">{c.policy.nothingKnown}</Banner>;
  return (
    <Banner tone="info">
      <p>{c.policy.over(week.samples, formatMoment(week.since))}</p>
      <p>{done.length === 0 ? c.policy.wouldNothing(week.nodes) : c.policy.wouldEnd(week.nodes)}</p>
      <ul className="reasons">
        {(done.length ? done : week.steps).slice(0, STEPS_SHOWN).map((step) => (
          <li key={step.at}>
            {formatMoment(step.at)}: {c.scaling.actions[step.action]}
            {step.count ? ` ${c.scaling.upBy(step.count)}` : ""}. {step.reasons.join("; ")}
          </li>
        ))}
      </ul>
    </Banner>
  );
}
