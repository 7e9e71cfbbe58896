/** Number of intervals of a histogram of runs. */
export const INTERVALS = 60;

/** Numbers of runs by interval and state, from the time `since` on. Intervals without runs are absent. */
interface Histogram {
  since: string;
  width_s: number;
  buckets: readonly { at: string; counts: Record<string, number> }[];
}

/** Runs of one interval of a histogram. */
export interface RunBar {
  index: number;
  counts: Record<string, number>;
  total: number;
}

/** Return the bars of a histogram, at most INTERVALS. */
export function barsOf(histogram: Histogram): RunBar[] {
  const since = Date.parse(histogram.since);
  return histogram.buckets.map(({ at, counts }) => ({
    index: clampIndex(Math.round((Date.parse(at) - since) / (histogram.width_s * 1000))),
    counts,
    total: Object.values(counts).reduce((sum, each) => sum + each, 0),
  }));
}

/** Return the number of runs by state. */
export function totalsOf(bars: readonly RunBar[]): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { counts } of bars)
    for (const [state, runs] of Object.entries(counts)) totals[state] = (totals[state] ?? 0) + runs;
  return totals;
}

/** Return the index of the nearest interval. */
export const clampIndex = (index: number): number => Math.min(Math.max(index, 0), INTERVALS - 1);
