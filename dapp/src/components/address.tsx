/** An address: short to look at, whole to copy, linked where there is an explorer. */

import { useState } from "react";

import { useConfig } from "../config";
import { t } from "../texts";

export function shortened(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

interface Props {
  value: string;
  kind?: "address" | "tx";
  /** Show all of it where there is room. */
  whole?: boolean;
}

export function Address({ value, kind = "address", whole = false }: Props) {
  const { explorer } = useConfig();
  const shown = whole ? <span className="whole">{value}</span> : shortened(value);
  return (
    <span className="address">
      {explorer ? (
        <a href={`${explorer}/${kind}/${value}`} target="_blank" rel="noreferrer" title={value}>
          {shown}
        </a>
      ) : (
        <span title={value}>{shown}</span>
      )}
      <Copy text={value} />
    </span>
  );
}

export function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  async function copy() {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    window.setTimeout(() => setCopied(false), 1_500);
  }
  return (
    <button type="button" className="copy" onClick={() => void copy()} aria-label={t.copy(shortened(text))}>
      <Icon name={copied ? "check" : "copy"} />
      <span role="status" className="unseen">
        {copied ? t.copied : ""}
      </span>
    </button>
  );
}

const PATHS = {
  copy: "M5 5h7v8H5z M3 10V3h6",
  check: "M3 8.5l3.5 3.5L13 4.5",
  cross: "M4 4l8 8 M12 4l-8 8",
  up: "M8 12V4 M4.5 7.5L8 4l3.5 3.5",
  down: "M8 4v8 M4.5 8.5L8 12l3.5-3.5",
  alert: "M8 2.5l6 11H2z M8 6.5v3.5 M8 11.6v.4",
  sun: "M8 5.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6z M8 1.5v1.6 M8 12.9v1.6 M1.5 8h1.6 M12.9 8h1.6 M3.4 3.4l1.1 1.1 M11.5 11.5l1.1 1.1 M12.6 3.4l-1.1 1.1 M4.5 11.5l-1.1 1.1",
  moon: "M13 9.6A5.6 5.6 0 016.4 3 5.6 5.6 0 1013 9.6z",
  half: "M8 2a6 6 0 100 12A6 6 0 008 2z M8 2v12",
  search: "M7 2.8a4.2 4.2 0 100 8.4 4.2 4.2 0 000-8.4z M10.2 10.2L13.5 13.5",
  question: "M8 2a6 6 0 100 12A6 6 0 008 2z M6.2 6.4a1.8 1.8 0 113 1.3c-.7.5-1.2.8-1.2 1.5 M8 11.2v.2",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
