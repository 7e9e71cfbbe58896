import { useSyncExternalStore } from "react";
import { absolute, relative } from "../lib/time";

const TICK_MS = 5_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = Date.now();
  for (const changed of listeners) changed();
}

/** Call `changed` every few seconds, and when the page is visible again: browsers slow down timers of hidden pages. */
function eachTick(changed: () => void): () => void {
  if (listeners.size === 0) {
    // The time is that of the last tick, which may be long ago.
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
    document.addEventListener("visibilitychange", tick);
  }
  listeners.add(changed);
  return () => {
    listeners.delete(changed);
    if (listeners.size > 0) return;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
}

/**
 * Relative time such as "3 minutes ago", with the absolute time as its tooltip.
 * `ahead`: the time may be in the future. Otherwise a future time is shown as now, as clocks differ.
 */
export function Time({ at, ahead: future = false }: { at: string; ahead?: boolean }) {
  const moment = useSyncExternalStore(eachTick, () => now);
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, future ? moment : Math.max(moment, Date.parse(at)))}
    </time>
  );
}
