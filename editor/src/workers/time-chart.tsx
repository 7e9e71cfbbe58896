import css from "./charts.module.css";
import { largest, linePath, type Values } from "./series";

/** Values of one kind in a chart. */
export interface Series {
  name: string;
  tone: "good" | "bad" | "busy" | "wait" | "soft";
  values: Values;
}

interface Props {
  title: string;
  series: readonly Series[];
  /** Bars are stacked, lines are not. */
  kind: "bars" | "lines";
  format: (value: number) => string;
  /** Interval whose values are the current ones of lines. */
  current: number | null;
  /** Return the name of an interval. */
  interval: (index: number) => string;
}

/** Chart of values over time. The table below the charts has the same values for screen readers. */
export function TimeChart({ title, series, kind, format, current, interval }: Props) {
  const count = series[0]?.values.length ?? 0;
  const indexes = [...new Array(count).keys()];
  const total = (index: number) => series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0);
  const most = (kind === "bars" ? largest(indexes.map(total)) : largest(series.flatMap(({ values }) => values))) || 0;
  const text = (value: number | null) => (value === null ? "—" : format(value));
  const tooltip = (index: number) =>
    [interval(index), ...series.map(({ name, values }) => `${name}: ${text(values[index] ?? null)}`)].join("\n");
  return (
    <figure className={css.chart}>
      <figcaption>
        <span className={css.title}>{title}</span>
        <span className={css.legend}>
          {series.map(({ name, tone, values }) => (
            <span key={name} data-tone={tone}>
              {name}{" "}
              <b>{kind === "bars" ? text(sum(values)) : text(current === null ? null : (values[current] ?? null))}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div className={css.plot}>
        <span className={css.most}>{most > 0 && format(most)}</span>
        <svg viewBox={`0 0 ${Math.max(count, 1)} 100`} preserveAspectRatio="none" aria-hidden="true">
          {kind === "lines" &&
            series.map(({ name, tone, values }) => (
              <path key={name} className={css.line} data-tone={tone} d={linePath(values, most || 1)} />
            ))}
          {indexes.map((index) => (
            <g key={index}>
              {kind === "bars" && <Stack series={series} index={index} most={most || 1} />}
              <rect x={index} y="0" width="1" height="100" fill="transparent">
                <title>{tooltip(index)}</title>
              </rect>
            </g>
          ))}
        </svg>
      </div>
    </figure>
  );
}

const sum = (values: Values) => values.reduce<number>((total, each) => total + (each ?? 0), 0);

function Stack({ series, index, most }: { series: readonly Series[]; index: number; most: number }) {
  let bottom = 100;
  return series.map(({ name, tone, values }) => {
    const value = values[index] ?? 0;
    if (value <= 0) return null;
    const height = Math.max((100 * value) / most, 2);
    bottom -= height;
    return (
      <rect key={name} className={css.bar} data-tone={tone} x={index + 0.08} y={bottom} width="0.84" height={height} />
    );
  });
}
