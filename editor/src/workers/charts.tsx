import { useQuery } from "@tanstack/react-query";
import { ownMemberQuery } from "../api/members";
import { type Operations, operationsQuery, type Span } from "../api/operations";
import { meQuery } from "../api/session";
import { bytes } from "../lib/bytes";
import { duration } from "../lib/time";
import { LOCALE } from "../texts/language";
import { t } from "../texts/workers";
import { Failed, Skeleton } from "../ui/states";
import { useUrlParams } from "../ui/use-url-params";
import css from "./charts.module.css";
import { largest, lastRecorded, valuesOf } from "./series";
import { type Series, TimeChart } from "./time-chart";

const SPANS: readonly [Span, string][] = [
  ["1h", t("workers.lastHour")],
  ["24h", t("workers.last24Hours")],
  ["7d", t("workers.last7Days")],
];
const COUNT = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const TIME = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const seconds = (value: number) => duration(value * 1000);
const count = (value: number) => COUNT.format(value);

interface Chart {
  title: string;
  kind: "bars" | "lines";
  format: (value: number) => string;
  series: Series[];
}

/** Charts of runs, waits, slots and the database over time, for all members except viewers. */
export function Charts({ workspace }: { workspace: string }) {
  const everything = useQuery(meQuery).data?.superAdmin ?? false;
  const member = useQuery(ownMemberQuery(workspace)).data;
  const [search, set] = useUrlParams();
  if (!everything && (member?.role ?? "viewer") === "viewer") return null;
  const last = SPANS.find(([span]) => span === search.get("last"))?.[0] ?? "24h";
  const whole = everything && search.get("of") !== "workspace";
  return (
    <section className={css.section} aria-labelledby="over-time">
      <div className={css.head}>
        <h2 id="over-time">{t("workers.overTime")}</h2>
        {everything && (
          <Choice
            label={t("workers.figuresOf")}
            options={[
              ["", t("workers.ofInstallation")],
              ["workspace", t("workers.ofWorkspace", { workspace })],
            ]}
            value={whole ? "" : "workspace"}
            choose={(of) => set("of", of)}
          />
        )}
        <Choice label={t("workers.timeRange")} options={SPANS} value={last} choose={(span) => set("last", span)} />
      </div>
      <Figures workspace={whole ? null : workspace} last={last} />
    </section>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  options: readonly (readonly [Value, string])[];
  value: Value;
  choose: (value: Value) => void;
}

function Choice<Value extends string>({ label, options, value, choose }: ChoiceProps<Value>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset has a frame and a legend
    <div className={css.choice} role="group" aria-label={label}>
      {options.map(([each, name]) => (
        <button key={each} type="button" aria-pressed={each === value} onClick={() => choose(each)}>
          {name}
        </button>
      ))}
    </div>
  );
}

function Figures({ workspace, last }: { workspace: string | null; last: Span }) {
  const query = useQuery(operationsQuery(workspace, last));
  if (query.isPending) return <Skeleton />;
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  const figures = query.data;
  const since = Date.parse(figures.since);
  const start = (index: number) => new Date(since + index * figures.width_s * 1000);
  const interval = (index: number) => TIME.formatRange(start(index), start(index + 1));
  const charts = chartsOf(figures, workspace === null);
  const current = lastRecorded(figures);
  return (
    <>
      <div className={css.charts}>
        {charts.map((chart) => (
          <TimeChart key={chart.title} {...chart} current={current} interval={interval} />
        ))}
      </div>
      <p className={css.axis}>{TIME.formatRange(start(0), new Date(figures.until))}</p>
      <details className={css.table}>
        <summary>{t("workers.asTable")}</summary>
        <Table charts={charts} interval={interval} />
      </details>
    </>
  );
}

function chartsOf(figures: Operations, installation: boolean): Chart[] {
  const counts = (field: "succeeded" | "failed" | "cancelled") => valuesOf(figures, field, 0);
  const charts: Chart[] = [
    {
      title: t("workers.runsEnded"),
      kind: "bars",
      format: count,
      series: [
        { name: t("workers.runsFailed"), tone: "bad", values: counts("failed") },
        { name: t("workers.runsCancelled"), tone: "soft", values: counts("cancelled") },
        { name: t("workers.runsSucceeded"), tone: "good", values: counts("succeeded") },
      ],
    },
    {
      title: t("workers.timeToStart"),
      kind: "lines",
      format: seconds,
      series: [
        { name: t("workers.median"), tone: "busy", values: valuesOf(figures, "wait_p50_s") },
        { name: t("workers.percentile"), tone: "wait", values: valuesOf(figures, "wait_p95_s") },
      ],
    },
    {
      title: t("workers.jobs"),
      kind: "lines",
      format: count,
      series: [
        { name: t("workers.jobsWaiting"), tone: "wait", values: valuesOf(figures, "waiting") },
        { name: t("workers.jobsRunning"), tone: "busy", values: valuesOf(figures, "running") },
        ...(installation
          ? [{ name: t("workers.slotsTotal"), tone: "soft" as const, values: valuesOf(figures, "slots") }]
          : []),
      ],
    },
    {
      title: t("workers.longestWait"),
      kind: "lines",
      format: seconds,
      series: [{ name: t("workers.oldestJob"), tone: "wait", values: valuesOf(figures, "oldest_s") }],
    },
  ];
  if (!installation) return charts;
  return [
    ...charts,
    {
      title: t("workers.database"),
      kind: "lines",
      format: bytes,
      series: [{ name: t("workers.databaseSize"), tone: "busy", values: valuesOf(figures, "database_bytes") }],
    },
    {
      title: t("workers.snapshot"),
      kind: "lines",
      format: seconds,
      series: [{ name: t("workers.snapshotAge"), tone: "busy", values: valuesOf(figures, "oldest_xmin_s") }],
    },
  ];
}

/** Values of all charts by interval, newest first. Intervals without any value are left out. */
function Table({ charts, interval }: { charts: readonly Chart[]; interval: (index: number) => string }) {
  const columns = charts.flatMap(({ format, series }) => series.map((each) => ({ ...each, format })));
  const indexes = [...(columns[0]?.values.keys() ?? [])].filter((index) =>
    largest(columns.map(({ values }) => values[index] ?? null)),
  );
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("workers.time")}</th>
          {columns.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {indexes.reverse().map((index) => (
          <tr key={index}>
            <th scope="row">{interval(index)}</th>
            {columns.map(({ name, values, format }) => {
              const value = values[index] ?? null;
              return <td key={name}>{value === null ? "—" : format(value)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
