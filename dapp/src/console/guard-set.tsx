/** Setting the guard: who counts the network's nodes, and the two marks; and taking it off. */

import { useState } from "react";

import { call } from "../api/client";
import { c } from "../texts/console";
import { Choice, Entry, Tick } from "./entry";
import { drafted, wanted, type Draft, type Kind, type Settings } from "./guard-draft";
import { meant } from "./session";
import { Wish } from "./wish";

const KINDS: readonly { value: Kind; label: string }[] = [
  { value: "number", label: c.guard.kinds.number },
  { value: "url", label: c.guard.kinds.url },
  { value: "contract", label: c.guard.kinds.contract },
];

const put = (guard: Settings | null) => call("put", "/api/v1/guard", { body: { guard }, headers: meant() });

export function SetGuard({ settings }: { settings: Settings | null }) {
  const [draft, setDraft] = useState(() => drafted(settings));
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  return (
    <Wish
      small
      wide
      main={!settings}
      needs="admin"
      label={settings ? c.guard.change : c.guard.set}
      title={c.guard.setTitle}
      words={[c.guard.setWords]}
      press={c.guard.setPress}
      opening={() => setDraft(drafted(settings))}
      act={async () => put(wanted(draft))}
    >
      <Choice label={c.guard.source} name="source" options={KINDS} value={draft.kind} change={(kind) => change({ kind })} />
      <SourceFields draft={draft} change={change} />
      <div className="pairs">
        <Entry field="guard.upper" kind="number" unit="%" label={c.guard.upper} value={draft.upper} change={(upper) => change({ upper })} hint={c.guard.upperHint} />
        <Entry field="guard.lower" kind="number" unit="%" label={c.guard.lower} value={draft.lower} change={(lower) => change({ lower })} hint={c.guard.lowerHint} />
      </div>
    </Wish>
  );
}

function SourceFields({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }) {
  if (draft.kind === "number") {
    return (
      <Entry field="guard.source.number" kind="number" label={c.guard.nodes} value={draft.nodes} change={(nodes) => change({ nodes })} hint={c.guard.nodesHint} />
    );
  }
  if (draft.kind === "url") {
    return (
      <>
        <Entry field="guard.source.url.url" label={c.guard.url} value={draft.url} change={(url) => change({ url })} hint={c.guard.urlHint} />
        <Entry field="guard.source.url.path" label={c.guard.path} value={draft.path} change={(path) => change({ path })} hint={c.guard.pathHint} />
        <Tick label={c.guard.allowPrivate} on={draft.allow_private} change={(allow_private) => change({ allow_private })} />
      </>
    );
  }
  return (
    <>
      <Entry field="guard.source.contract.address" label={c.guard.address} value={draft.address} change={(address) => change({ address })} shape={c.guard.addressShape} />
      <Entry field="guard.source.contract.function" label={c.guard.function} value={draft.function} change={(view) => change({ function: view })} shape={c.guard.functionShape} />
    </>
  );
}

export function GuardOff() {
  return (
    <Wish small danger needs="admin" label={c.guard.off} title={c.guard.offTitle} words={c.guard.offWords} press={c.guard.off} act={() => put(null)} />
  );
}
