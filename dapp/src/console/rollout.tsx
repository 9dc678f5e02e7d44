/** One rollout: each node's four steps as they happen, and what may be done about it. */

import { Link } from "wouter";

import { call } from "../api/client";
import { Badge } from "../components/badge";
import { Bar } from "../components/bar";
import { Banner } from "../components/banner";
import { Page } from "../components/page";
import { Empty, Loaded } from "../components/skeleton";
import { Steps } from "../components/steps";
import { c } from "../texts/console";
import { formatMoment } from "../units/number";
import { isOver, moved, MOVE_TONES, steps, TONES } from "./moves";
import { useRollouts, type Move, type Rollout } from "./queries";
import { meant } from "./session";
import { Wish } from "./wish";

export function RolloutPage({ id }: { id: string }) {
  const rollouts = useRollouts();
  const rollout = rollouts.data?.rollouts.find((each) => each.id === id);
  return (
    <Page
      title={rollout ? c.upgrades.one(rollout.release) : c.upgrades.title}
      lead={<Link href="/console/upgrades">{c.upgrades.back}</Link>}
      actions={rollout && <Handles rollout={rollout} />}
    >
      <Loaded of={rollouts} lines={6}>
        {() => (rollout ? <Whole rollout={rollout} /> : <Empty>{c.upgrades.unknown}</Empty>)}
      </Loaded>
    </Page>
  );
}

function Handles({ rollout }: { rollout: Rollout }) {
  if (isOver(rollout)) return null;
  const change = (how: "pause" | "resume" | "abort") => () =>
    call("post", `/api/v1/rollouts/{rollout}/${how}`, { path: { rollout: rollout.id }, headers: meant() });
  const { state } = rollout;
  return (
    <>
      {state === "running" && (
        <Wish label={c.upgrades.pause} title={c.upgrades.pauseTitle} words={c.upgrades.pauseWords} press={c.upgrades.pause} act={change("pause")} />
      )}
      {(state === "paused" || state === "stopped") && (
        <Wish
          main
          label={c.upgrades.resume}
          title={c.upgrades.resumeTitle}
          words={c.upgrades.resumeWords}
          press={c.upgrades.resume}
          act={change("resume")}
        />
      )}
      {state !== "aborting" && (
        <Wish danger label={c.upgrades.abort} title={c.upgrades.abortTitle} words={c.upgrades.abortWords} press={c.upgrades.abort} act={change("abort")} />
      )}
    </>
  );
}

function Whole({ rollout }: { rollout: Rollout }) {
  const [done, all] = moved(rollout);
  return (
    <>
      <section className="card rollout-sum" aria-label={c.upgrades.state}>
        <p role="status" className="row">
          <Badge tone={TONES[rollout.state]}>{c.upgrades.states[rollout.state] ?? rollout.state}</Badge>
          <span>{c.upgrades.done(done, all)}</span>
          <span className="quiet">{formatMoment(rollout.made_at)}</span>
        </p>
        <Bar part={all ? done / all : 1} label={c.upgrades.done(done, all)} />
        {rollout.detail && <Banner tone={rollout.state === "stopped" || rollout.state === "failed" ? "bad" : "info"}>{rollout.detail}</Banner>}
      </section>
      <div className="moves">
        {rollout.moves.map((move, place) => (
          <OneMove key={move.index ?? `gone ${String(place)}`} move={move} />
        ))}
      </div>
    </>
  );
}

function OneMove({ move }: { move: Move }) {
  const name = move.index === null ? c.upgrades.gone : c.fleet.node(move.index);
  return (
    <article className="card move" aria-label={name}>
      <header>
        <h2>{move.index === null ? name : <Link href={`/console/nodes/${String(move.index)}`}>{name}</Link>}</h2>
        <Badge tone={MOVE_TONES[move.state] ?? "info"}>{c.upgrades.moves[move.state] ?? move.state}</Badge>
        <span className="quiet">{c.upgrades.to(move.colour)}</span>
      </header>
      {move.state !== "skipped" && move.state !== "waiting" && <Steps label={c.upgrades.stepsOf(name)} steps={steps(move)} />}
      {move.state === "waiting" && <p className="quiet">{c.upgrades.waiting}</p>}
      {move.detail && <p className="quiet">{move.detail}</p>}
    </article>
  );
}
