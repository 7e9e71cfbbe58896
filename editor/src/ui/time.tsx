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

/** A time as "3 minutes ago", with the whole of it on hover. `ahead`: it may lie ahead; else that is a clock that differs. */
export function Time({ at, ahead: future = false }: { at: string; ahead?: boolean }) {
  const moment = useSyncExternalStore(eachTick, () => now);
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, future ? moment : Math.max(moment, Date.parse(at)))}
    </time>
  );
}
