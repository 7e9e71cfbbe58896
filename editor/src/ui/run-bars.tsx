import { INTERVALS, type RunBar } from "../lib/run-histogram";
import { statusStyle } from "../lib/status";
import { t } from "../texts/t";
import css from "./run-bars.module.css";

const HEIGHT = 100;

/** Order of states in a bar, from the bottom up, and in a legend. */
export const STATE_ORDER: readonly string[] = [
  "failed",
  "cancelled",
  "succeeded",
  "running",
  "awaiting_approval",
  "queued",
];

interface Props {
  bars: readonly RunBar[];
  /** Marked range of intervals. */
  marked?: { from: number; to: number } | null;
  /** Return the tooltip of a bar. */
  describe: (bar: RunBar) => string;
}

/** Stacked bars of runs by time and state, hidden from screen readers. */
export function RunBars({ bars, marked = null, describe }: Props) {
  const most = Math.max(1, ...bars.map((bar) => bar.total));
  return (
    <svg className={css.bars} viewBox={`0 0 ${INTERVALS} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {marked && (
        <rect className={css.marked} x={marked.from} width={marked.to - marked.from + 1} y="0" height={HEIGHT} />
      )}
      {bars.map((bar) => (
        <g key={bar.index}>
          <title>{describe(bar)}</title>
          <rect x={bar.index} width="1" y="0" height={HEIGHT} fill="transparent" />
          {stack(bar.counts, most).map(({ state, y, height }) => (
            <rect
              key={state}
              className={css.bar}
              data-tone={statusStyle(state).tone}
              x={bar.index + 0.08}
              width="0.84"
              y={y}
              height={height}
            />
          ))}
        </g>
      ))}
    </svg>
  );
}

/** Return counts by state as a text, "" without runs. */
export function countsText(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([state, count]) => t("ui.statusCount", { count, status: statusStyle(state).label }))
    .join(", ");
}

/** Return the stacked bars of the counts, from the bottom up, each at least 3 % tall. */
function stack(counts: Record<string, number>, most: number) {
  let bottom = HEIGHT;
  return STATE_ORDER.concat(Object.keys(counts).filter((state) => !STATE_ORDER.includes(state)))
    .filter((state) => counts[state])
    .map((state) => {
      const height = Math.max(((counts[state] ?? 0) / most) * HEIGHT, 3);
      bottom -= height;
      return { state, y: bottom, height };
    });
}
