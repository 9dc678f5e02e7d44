/** The shape of what is on its way, and what to say when there is nothing or it failed. */

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Refused } from "../api/client";
import { t } from "../texts";
import { Banner } from "./banner";

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="unseen">{t.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

interface Props<T> {
  of: UseQueryResult<T>;
  lines?: number;
  /** What a 404 means here. */
  unknown?: string;
  children: (data: T) => ReactNode;
}

/** What was read; its shape until then; why it cannot be had. What was read once stays, the banner says its age. */
export function Loaded<T>({ of, lines, unknown, children }: Props<T>) {
  if (of.data !== undefined) return children(of.data);
  if (of.isPending && of.failureCount === 0) return <Skeleton {...(lines ? { lines } : {})} />;
  if (of.error instanceof Refused && of.error.status === 404 && unknown) return <Empty>{unknown}</Empty>;
  if (of.error instanceof Refused && of.error.status < 500) {
    return (
      <Banner tone="bad" alert>
        {of.error.message}
      </Banner>
    );
  }
  return (
    <>
      <Banner tone="warn">{t.unreachable}</Banner>
      <Skeleton {...(lines ? { lines } : {})} />
    </>
  );
}
