/**
 * A table that sorts by its heads, keeps its numbers in line, and becomes a list of cards on a phone. Roles are
 * written out, because a table laid out as cards would lose them.
 */

import { useState, type ReactNode } from "react";

import { t } from "../texts";
import { Icon } from "./address";

export interface Column<Row> {
  key: string;
  title: string;
  /** Beside the title: an Explain, say. */
  aside?: ReactNode;
  cell: (row: Row) => ReactNode;
  /** What rows are ordered by; a column without it does not sort. What is null goes last. */
  order?: (row: Row) => bigint | number | string | null;
  numeric?: boolean;
  /** Names its row. */
  head?: boolean;
  /** Left out on phones. */
  wide?: boolean;
}

export interface Sorting {
  key: string;
  down: boolean;
}

interface Props<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  id: (row: Row) => string;
  initial?: Sorting;
  empty?: ReactNode;
  /** Rows that just came. */
  fresh?: (row: Row) => boolean;
  /** Shown above the table too. */
  titled?: boolean;
}

export function Table<Row>({ caption, columns, rows, id, initial, empty, fresh, titled = false }: Props<Row>) {
  const [sorting, setSorting] = useState<Sorting | undefined>(initial);
  const by = columns.find((column) => column.key === sorting?.key)?.order;
  const shown = by && sorting ? sorted(rows, by, sorting.down) : rows;
  const press = (key: string) =>
    setSorting((now) => (now?.key === key ? { key, down: !now.down } : { key, down: true }));
  return (
    <div className="table">
      <table role="table">
        <caption className={titled ? "" : "unseen"}>{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <Head key={column.key} column={column} sorting={sorting} press={press} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row) => (
            <tr key={id(row)} role="row" className={fresh?.(row) ? "fresh" : undefined}>
              {columns.map((column) => (
                <Cell key={column.key} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p className="empty">{empty ?? t.nothing}</p>}
    </div>
  );
}

interface HeadProps<Row> {
  column: Column<Row>;
  sorting: Sorting | undefined;
  press: (key: string) => void;
}

function Head<Row>({ column, sorting, press }: HeadProps<Row>) {
  const on = sorting?.key === column.key;
  const direction = on ? (sorting.down ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" role="columnheader" className={styles(column)} aria-sort={direction}>
      {column.order ? (
        <button type="button" onClick={() => press(column.key)}>
          {column.title}
          <span className={on ? "sign" : "sign off"}>
            <Icon name={on && !sorting.down ? "up" : "down"} />
          </span>
        </button>
      ) : (
        column.title
      )}
      {column.aside}
    </th>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const content = (
    <>
      <span className="label" aria-hidden="true">
        {column.title}
      </span>
      <span className="content">{column.cell(row)}</span>
    </>
  );
  return column.head ? (
    <th scope="row" role="rowheader" className={styles(column)}>
      {content}
    </th>
  ) : (
    <td role="cell" className={styles(column)}>
      {content}
    </td>
  );
}

function styles<Row>(column: Column<Row>): string {
  return [column.numeric && "numeric", column.head && "head", column.wide && "wide"].filter(Boolean).join(" ");
}

/** A new list; equal rows keep their order. */
export function sorted<Row>(
  rows: readonly Row[],
  by: (row: Row) => bigint | number | string | null,
  down: boolean,
): Row[] {
  return [...rows].sort((one, other) => {
    const [a, b] = [by(one), by(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
  });
}
