/** Clocks of the browser and the server may differ: a tick that has passed is not asked for more often. */
const MIN_WAIT_MS = 5000;
/** Longest delay of a timer of a browser. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** Return after how many milliseconds a tick (ISO 8601) has passed; false without a tick. */
export function untilPassed(tick: string | undefined, now: number): number | false {
  if (tick === undefined) return false;
  return Math.min(Math.max(Date.parse(tick) - now + 1000, MIN_WAIT_MS), MAX_WAIT_MS);
}
