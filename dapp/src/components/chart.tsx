/**
 * A small chart over time: bars or a line, an axis with round numbers, a reading under the pointer or the arrow
 * keys, and the same figures as a table behind it.
 */

import { useId, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

import { t } from "../texts";
import { Table } from "./table";

export interface Point {
  /** When, as it is written. */
  label: string;
  /** For drawing; null is a gap. */
  value: number | null;
  /** What the table and the reading say. */
  shown: ReactNode;
}

interface Props {
  title: string;
  points: readonly Point[];
  kind: "line" | "bars";
  tone?: "accent" | "bad" | "good";
  /** How a number of the axis is written. */
  axis: (value: number) => string;
  empty?: string;
}

const WIDE = 640;
const HIGH = 200;
const LEFT = 64;
const BELOW = 30;
const ABOVE = 10;

export function Chart({ title, points, kind, tone = "accent", axis, empty }: Props) {
  const id = useId();
  const [at, setAt] = useState<number>();
  const known = points.flatMap((point) => (point.value === null ? [] : [point.value]));
  if (known.length === 0) return <Framed title={title} id={id} rest={<p className="empty">{empty ?? t.notEnough}</p>} />;
  const ticks = roundTicks(Math.max(0, ...known));
  const top = ticks.at(-1) ?? 1;
  const step = (WIDE - LEFT) / points.length;
  const x = (index: number) => LEFT + step * (index + 0.5);
  const y = (value: number) => ABOVE + (HIGH - ABOVE - BELOW) * (1 - value / top);
  const chosen = at === undefined ? undefined : points[at];
  const look = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.floor((((event.clientX - box.left) / box.width) * WIDE - LEFT) / step);
    setAt(Math.max(0, Math.min(points.length - 1, index)));
  };
  const walk = (event: KeyboardEvent) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    setAt((now) => Math.max(0, Math.min(points.length - 1, (now ?? points.length) + move)));
  };
  const rest = (
    <>
      <svg
        viewBox={`0 0 ${WIDE} ${HIGH}`}
        className={`drawing ${tone}`}
        role="img"
        aria-labelledby={id}
        tabIndex={0}
        onPointerMove={look}
        onPointerLeave={() => setAt(undefined)}
        onKeyDown={walk}
        onBlur={() => setAt(undefined)}
      >
        {ticks.map((tick) => (
          <g key={tick} className="tick">
            <line x1={LEFT} x2={WIDE} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {axis(tick)}
            </text>
          </g>
        ))}
        {kind === "bars"
          ? points.map((point, index) => (
              <rect
                key={point.label}
                className={at === index ? "mark on" : "mark"}
                x={x(index) - step * 0.36}
                width={step * 0.72}
                y={y(point.value ?? 0)}
                height={Math.max(point.value ? 1 : 0, y(0) - y(point.value ?? 0))}
                rx={Math.min(2, step * 0.2)}
              />
            ))
          : lines(points).map((run) => (
              <g key={run[0]}>
                <path className="area" d={`${path(run, points, x, y)} V${y(0)} H${x(run[0] ?? 0)} Z`} />
                <path className="line" d={path(run, points, x, y)} />
                {run.length === 1 && <circle className="point" cx={x(run[0] ?? 0)} cy={y(points[run[0] ?? 0]?.value ?? 0)} r="3" />}
              </g>
            ))}
        {at !== undefined && <line className="cursor" x1={x(at)} x2={x(at)} y1={ABOVE} y2={HIGH - BELOW} />}
        {at !== undefined && kind === "line" && chosen?.value != null && (
          <circle className="point" cx={x(at)} cy={y(chosen.value)} r="4" />
        )}
        <text className="edge" x={LEFT} y={HIGH - 8}>
          {points[0]?.label}
        </text>
        {points.length > 1 && (
          <text className="edge" x={WIDE} y={HIGH - 8} textAnchor="end">
            {points.at(-1)?.label}
          </text>
        )}
      </svg>
      <details className="behind">
        <summary>{t.chart.table}</summary>
        <Table
          caption={title}
          rows={[...points].reverse()}
          id={(point) => point.label}
          columns={[
            { key: "when", title: t.chart.when, head: true, cell: (point) => point.label },
            { key: "what", title, numeric: true, cell: (point) => point.shown },
          ]}
        />
      </details>
    </>
  );
  const reading = chosen && (
    <>
      {chosen.label}: <b>{chosen.shown}</b>
    </>
  );
  return <Framed title={title} id={id} rest={rest} reading={reading} />;
}

function Framed({ title, id, rest, reading }: { title: string; id: string; rest: ReactNode; reading?: ReactNode }) {
  return (
    <figure className="chart">
      <figcaption>
        <span id={id}>{title}</span>
        <output>{reading}</output>
      </figcaption>
      {rest}
    </figure>
  );
}

/** Stretches of points without a gap, by index. */
export function lines(points: readonly Point[]): number[][] {
  const runs: number[][] = [];
  points.forEach((point, index) => {
    if (point.value === null) return;
    if (index > 0 && points[index - 1]?.value !== null) runs.at(-1)?.push(index);
    else runs.push([index]);
  });
  return runs;
}

function path(
  run: readonly number[],
  points: readonly Point[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  return run.map((index, place) => `${place ? "L" : "M"}${x(index)} ${y(points[index]?.value ?? 0)}`).join(" ");
}

/** From 0 to at least `top` in three or four round steps (1, 2, 2.5 or 5 times a power of ten). */
export function roundTicks(top: number): number[] {
  if (!(top > 0)) return [0, 1];
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10) * power;
  const count = Math.ceil(top / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}
