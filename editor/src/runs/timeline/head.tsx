import { statusStyle } from "../../lib/status";
import { duration } from "../../lib/time";
import { t } from "../../texts/runs";
import css from "./timeline.module.css";
import { ticks } from "./tracks";

const MARKS = 6;

/** Legend of the bars. */
export function Legend() {
  return (
    <p className={css.legend} aria-hidden="true">
      {(["queued", "waiting", "running", "failed"] as const).map((kind) => (
        <span key={kind}>
          <svg width="26" height="12" aria-hidden="true">
            <rect
              className={css.bar}
              data-kind={kind === "failed" ? "running" : kind}
              data-failed={kind === "failed" || undefined}
              width="26"
              height="12"
              rx="2"
            />
          </svg>
          {statusStyle(kind).label}
        </span>
      ))}
    </p>
  );
}

/** Head of the table. Above the bars are the times since the start of the run. */
export function Head({ span }: { span: readonly [number, number] }) {
  const whole = span[1] - span[0];
  return (
    <thead>
      <tr aria-rowindex={1} className={css.head}>
        <th>{t("runs.nodeColumn")}</th>
        <th className={css.axis} aria-label={t("runs.timeColumn")}>
          {ticks(whole, MARKS).map((at) => (
            <span key={at} style={{ left: `${(at / whole) * 100}%` }}>
              {duration(at)}
            </span>
          ))}
        </th>
        <th>{t("runs.duration")}</th>
        <th className={css.worker}>{t("runs.worker")}</th>
      </tr>
    </thead>
  );
}
