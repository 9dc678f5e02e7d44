/**
 * A session that nobody touches ends: figures that are read by themselves would keep it alive at the control plane, so
 * the page itself watches whether a person is there.
 */

import { useEffect, useState } from "react";

import { leave, type Session } from "./session";

const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;
/** Said so long before, in seconds. */
export const WARNING = 120;

/** Seconds left to a session that was touched last at `touched` (milliseconds, as `now`); it ends at its time anyway. */
export function left(session: Session, touched: number, now: number): number {
  const idle = session.idle_seconds - (now - touched) / 1_000;
  return Math.floor(Math.min(idle, (Date.parse(session.expires_at) - now) / 1_000));
}

/** Seconds until the session ends if nobody touches the page. */
export function useIdle(session: Session): number {
  const [now, setNow] = useState(() => Date.now()); // never the chain's time, which may be ahead
  const [touched, setTouched] = useState(() => Date.now());
  const seconds = left(session, touched, now);
  useEffect(() => {
    const touch = () => setTouched((before) => (Date.now() - before > 1_000 ? Date.now() : before));
    const timer = window.setInterval(() => setNow(Date.now()), 1_000);
    for (const sign of SIGNS) window.addEventListener(sign, touch, { passive: true });
    return () => {
      window.clearInterval(timer);
      for (const sign of SIGNS) window.removeEventListener(sign, touch);
    };
  }, []);
  const done = seconds <= 0;
  useEffect(() => {
    if (done) void leave("idle");
  }, [done]);
  return seconds;
}
