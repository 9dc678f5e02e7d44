/** Adding a release: what replicas may be moved to. */

import { useState } from "react";

import { call, type Schemas } from "../api/client";
import { c } from "../texts/console";
import { Choice, Entry } from "./entry";
import { like, wanted } from "./release-draft";
import { meant } from "./session";
import { Wish } from "./wish";

const words = c.releases;
const KINDS = [
  { value: "command", label: words.kinds.command },
  { value: "image", label: words.kinds.image },
] as const;

export function AddRelease({ releases }: { releases: readonly Schemas["ReleaseView"][] }) {
  const current = releases.find((release) => release.current);
  const [draft, setDraft] = useState(() => like(current));
  async function act() {
    const { name, body } = wanted(draft);
    await call("put", "/api/v1/releases/{name}", { path: { name }, body, headers: meant() });
  }
  return (
    <Wish small wide needs="admin" label={words.add} title={words.title} words={words.words} press={words.press} opening={() => setDraft(like(current))} act={act}>
      <Entry field="name" label={words.name} value={draft.name} change={(name) => setDraft({ ...draft, name })} shape={words.nameShape} />
      <Choice label={words.runs} name="runs" options={KINDS} value={draft.kind} change={(kind) => setDraft({ ...draft, kind })} />
      {draft.kind === "image" && (
        <Entry field="image" label={words.image} value={draft.image} change={(image) => setDraft({ ...draft, image })} shape={words.imageShape} />
      )}
      <Entry
        field="command"
        kind="area"
        label={draft.kind === "image" ? words.instead : words.command}
        value={draft.command}
        change={(command) => setDraft({ ...draft, command })}
        hint={words.commandHint}
      />
      <Entry field="settings" kind="area" label={words.settings} value={draft.settings} change={(settings) => setDraft({ ...draft, settings })} hint={words.settingsHint} />
    </Wish>
  );
}
