import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import type { RunFilter } from "../../api/run-filter";
import type { RunHistogram } from "../../api/run-list";
import { barsOf, clampIndex, INTERVALS, type RunBar, totalsOf } from "../../lib/run-histogram";
import { statusStyle } from "../../lib/status";
import { absolute } from "../../lib/time";
import { LOCALE } from "../../texts/language";
import { t } from "../../texts/runs";
import { Button } from "../../ui/controls";
import { Icon } from "../../ui/icon";
import { countsText, RunBars, STATE_ORDER } from "../../ui/run-bars";
import type { SetFilter } from "./filter";
import css from "./runs.module.css";

interface Props {
  histogram: RunHistogram;
  filter: RunFilter;
  put: SetFilter;
}

/** Runs over time. A time range is selected with the mouse, or with arrow keys and Enter. */
export function Histogram({ histogram, filter, put }: Props) {
  const [brush, setBrush] = useState<{ from: number; to: number } | null>(null);
  const drag = useRef<number | null>(null);
  const since = Date.parse(histogram.since);
  const width = histogram.width_s * 1000;
  const bars = barsOf(histogram);
  const totals = totalsOf(bars);
  const at = (index: number) => new Date(since + index * width).toISOString();
  const choose = (from: number, to: number) => put({ from: at(from), to: at(to + 1), last: "" });
  const indexOf = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return clampIndex(Math.floor(((event.clientX - box.left) / box.width) * INTERVALS));
  };
  const move = (event: PointerEvent<HTMLElement>) => {
    if (drag.current === null) return;
    const index = indexOf(event);
    setBrush({ from: Math.min(drag.current, index), to: Math.max(drag.current, index) });
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      const from = clampIndex((brush?.from ?? INTERVALS) + (event.shiftKey ? 0 : step));
      setBrush({ from, to: event.shiftKey ? Math.max(from, clampIndex((brush?.to ?? from) + step)) : from });
    } else if (event.key === "Enter" && brush) choose(brush.from, brush.to);
    else if (event.key === "Escape") setBrush(null);
    else return;
    event.preventDefault();
  };
  const words = brush
    ? t("runs.rangeCounts", { range: span(at(brush.from), at(brush.to + 1)), counts: countIn(bars, brush) })
    : t("runs.noRangeSelected");
  return (
    <section className={css.histogram} aria-label={t("runs.histogram")}>
      <div
        className={css.plot}
        role="slider"
        tabIndex={0}
        aria-label={t("runs.timeRange")}
        aria-valuemin={0}
        aria-valuemax={INTERVALS}
        aria-valuenow={brush?.from ?? 0}
        aria-valuetext={words}
        onKeyDown={press}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = indexOf(event);
          setBrush({ from: drag.current, to: drag.current });
        }}
        onPointerMove={move}
        onPointerUp={() => {
          drag.current = null;
          if (brush) choose(brush.from, brush.to);
          setBrush(null);
        }}
      >
        <RunBars
          bars={bars}
          marked={brush}
          describe={(bar) =>
            t("runs.rangeCounts", {
              range: span(at(bar.index), at(bar.index + 1)),
              counts: countsText(bar.counts),
            })
          }
        />
      </div>
      <div className={css.axis}>
        <span>{timeText(histogram.since)}</span>
        <span role="status">{brush ? words : ""}</span>
        <span>{filter.to ? timeText(filter.to) : t("runs.now")}</span>
      </div>
      <Legend {...{ totals, filter, put }} />
      {histogram.counted_from && (
        <p className={css.note}>{t("runs.countedFrom", { time: absolute(histogram.counted_from) })}</p>
      )}
    </section>
  );
}

/** Number of runs by status. Each is a switch of the filter. */
function Legend({ totals, filter, put }: { totals: Record<string, number>; filter: RunFilter; put: SetFilter }) {
  const states = [...new Set([...STATE_ORDER, ...Object.keys(totals)])].filter(
    (state) => totals[state] || filter.states.includes(state),
  );
  const toggle = (state: string) => {
    const { states: now } = filter;
    const next = now.includes(state) ? now.filter((each) => each !== state) : [...now, state];
    put({ state: next.join(",") });
  };
  return (
    <div className={css.legend}>
      {states.map((state) => (
        <button
          key={state}
          type="button"
          className={css.key}
          data-tone={statusStyle(state).tone}
          aria-pressed={filter.states.includes(state)}
          onClick={() => toggle(state)}
        >
          <Icon name={statusStyle(state).icon} size={12} />{" "}
          {t("ui.statusCount", { count: totals[state] ?? 0, status: statusStyle(state).label })}
        </button>
      ))}
      {filter.from && (
        <Button look="quiet" icon="back" onClick={() => put({ from: "", to: "" })}>
          {t("runs.resetRange")}
        </Button>
      )}
    </div>
  );
}

const countIn = (bars: RunBar[], { from, to }: { from: number; to: number }): string =>
  countsText(totalsOf(bars.filter((bar) => bar.index >= from && bar.index <= to))) || t("runs.noRunsCounted");
const TIME = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const timeText = (at: string): string => TIME.format(new Date(at));
const span = (from: string, to: string): string => TIME.formatRange(new Date(from), new Date(to));
