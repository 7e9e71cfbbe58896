import { useSyncExternalStore } from "react";
import { absolute, relative } from "../lib/time";

const TICK_MS = 15_000;
let now = Date.now();

function eachTick(changed: () => void): () => void {
  const timer = setInterval(() => {
    now = Date.now();
    changed();
  }, TICK_MS);
  return () => clearInterval(timer);
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
