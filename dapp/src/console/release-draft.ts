/** A release as it is typed, a line for each word and each setting, and as the API wants it. */

import type { Schemas } from "../api/client";
import { c } from "../texts/console";
import { Reading } from "./typed";

type Release = Schemas["ReleaseView"];

export interface Draft {
  name: string;
  kind: "command" | "image";
  command: string;
  image: string;
  settings: string;
}

/** As what new nodes run, under a name still to be given. */
export function like(release: Release | undefined): Draft {
  return {
    name: "",
    kind: release?.image ? "image" : "command",
    command: (release?.command ?? []).join("\n"),
    image: release?.image ?? "",
    settings: Object.entries(release?.settings ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join("\n"),
  };
}

const lines = (text: string) => text.split("\n").filter((line) => line.trim() !== "");

/** Raises Wrong for a missing name or a setting that is not NAME=VALUE; the rest is the API's to judge. */
export function wanted(draft: Draft): { name: string; body: Schemas["PutRelease"] } {
  const read = new Reading();
  const name = draft.name.trim();
  if (name === "") read.wrong("name", c.releases.noName);
  const settings = lines(draft.settings).map((line) => {
    const at = line.indexOf("=");
    if (at < 1) read.wrong("settings", c.releases.noPair(line));
    return [line.slice(0, at).trim(), line.slice(at + 1)];
  });
  const image = draft.kind === "image" ? draft.image.trim() : null;
  const command = lines(draft.command);
  if (image === "") read.wrong("image", c.releases.noImage);
  if (image === null && command.length === 0) read.wrong("command", c.releases.noCommand);
  return read.done({ name, body: { command, image, settings: Object.fromEntries(settings) as Record<string, string> } });
}
