import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type RunHistogram, runsOverTimeQuery } from "../api/run-list";
import { barsOf, type RunBar, totalsOf } from "../lib/run-histogram";
import { statusStyle } from "../lib/status";
import { absolute } from "../lib/time";
import { Link } from "../routing/link";
import { t } from "../texts/home";
import { LOCALE } from "../texts/language";
import { Icon } from "../ui/icon";
import { countsText, RunBars, STATE_ORDER } from "../ui/run-bars";
import { Failed, Skeleton } from "../ui/states";
import css from "./run-chart.module.css";

const RANGES = [
  ["24h", t("home.last24Hours")],
  ["7d", t("home.last7Days")],
] as const;
type Range = (typeof RANGES)[number][0];

const REFRESH_MS = 30_000;
const TIME = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });

/** Runs by outcome over a day or a week, with their numbers. */
export function RunChart({ workspace }: { workspace: string }) {
  const [range, setRange] = useState<Range>("24h");
  const histogram = useQuery({ ...runsOverTimeQuery(workspace, range), refetchInterval: REFRESH_MS });
  return (
    <section className={css.chart} aria-label={t("home.runs")}>
      <div className={css.head}>
        <h2>{t("home.runs")}</h2>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset has a frame and a legend */}
        <div className={css.ranges} role="group" aria-label={t("home.timeRange")}>
          {RANGES.map(([last, name]) => (
            <button key={last} type="button" aria-pressed={range === last} onClick={() => setRange(last)}>
              {name}
            </button>
          ))}
        </div>
      </div>
      {histogram.isPending && <Skeleton rows={2} />}
      {histogram.error && <Failed error={histogram.error} retry={() => void histogram.refetch()} />}
      {histogram.data && <Chart workspace={workspace} range={range} histogram={histogram.data} />}
    </section>
  );
}

function Chart({ workspace, range, histogram }: { workspace: string; range: Range; histogram: RunHistogram }) {
  const bars = barsOf(histogram);
  const totals = totalsOf(bars);
  const runs = bars.reduce((sum, bar) => sum + bar.total, 0);
  const states = [...new Set([...STATE_ORDER, ...Object.keys(totals)])].filter((state) => totals[state]);
  const list = `/w/${workspace}/runs?last=${range}`;
  const describe = ({ index, counts }: RunBar) => {
    const start = Date.parse(histogram.since) + index * histogram.width_s * 1000;
    const times = TIME.formatRange(new Date(start), new Date(start + histogram.width_s * 1000));
    return t("home.rangeCounts", { range: times, counts: countsText(counts) });
  };
  return (
    <>
      <ul className={css.counts}>
        <li>
          <Link to={`${list}&tests=none`}>{t("home.runsCounted", { count: runs })}</Link>
        </li>
        {states.map((state) => (
          <li key={state} data-tone={statusStyle(state).tone}>
            <Link to={`${list}&state=${state}&tests=none`}>
              <Icon name={statusStyle(state).icon} size={14} />{" "}
              {t("ui.statusCount", { count: totals[state] ?? 0, status: statusStyle(state).label })}
            </Link>
          </li>
        ))}
      </ul>
      <div className={css.plot}>
        <RunBars bars={bars} describe={describe} />
      </div>
      <div className={css.axis}>
        <span>{TIME.format(new Date(histogram.since))}</span>
        <span>{t("home.now")}</span>
      </div>
      {histogram.counted_from && (
        <p className={css.note}>{t("home.countedFrom", { time: absolute(histogram.counted_from) })}</p>
      )}
    </>
  );
}
