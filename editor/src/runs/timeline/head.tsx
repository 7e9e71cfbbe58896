import { duration } from "../../lib/time";
import css from "./timeline.module.css";
import { ticks } from "./tracks";

const MARKS = 6;

/** What the bars mean. */
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
          {kind === "queued" ? "in the queue" : kind}
        </span>
      ))}
    </p>
  );
}

/** The names of the columns, over the bars the time since the run was made. */
export function Head({ span }: { span: readonly [number, number] }) {
  const whole = span[1] - span[0];
  return (
    <thead>
      <tr aria-rowindex={1} className={css.head}>
        <th>Node</th>
        <th className={css.axis} aria-label="Over time">
          {ticks(whole, MARKS).map((at) => (
            <span key={at} style={{ left: `${(at / whole) * 100}%` }}>
              {duration(at)}
            </span>
          ))}
        </th>
        <th>How long</th>
        <th className={css.worker}>Worker</th>
      </tr>
    </thead>
  );
}
