import { duration } from "../../lib/time";
import { t } from "../../texts/runs";
import css from "./timeline.module.css";
import { type Segment, segmentPosition, type Track } from "./tracks";

const HEIGHT = 12;
const MIN_WIDTH = 0.25;

/** Patterns of the bars, once on a page: waiting and running differ by more than their colour. */
export function Patterns() {
  return (
    <svg className={css.patterns} aria-hidden="true">
      <defs>
        <pattern id="timeline-queued" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="2" height="6" className={css.stripe} />
        </pattern>
        <pattern id="timeline-waiting" width="5" height="5" patternUnits="userSpaceOnUse">
          <circle cx="2" cy="2" r="1.2" className={css.dot} />
        </pattern>
      </defs>
    </svg>
  );
}

interface Props {
  track: Track;
  span: readonly [number, number];
  choose: (segment: Segment) => void;
}

/** Bars of a node over time. The texts of the row have the same content. */
export function Bars({ track, span, choose }: Props) {
  return (
    <svg className={css.bars} aria-hidden="true">
      {track.segments.map((segment) => {
        const { x, width } = segmentPosition(segment, span);
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: keys choose its row
          <rect
            key={`${segment.kind} ${segment.from} ${segment.attempt}`}
            className={css.bar}
            data-kind={segment.kind}
            data-failed={segment.failed || undefined}
            x={`${Math.min(x, 100 - MIN_WIDTH)}%`}
            width={`${Math.max(width, MIN_WIDTH)}%`}
            y="8"
            height={HEIGHT}
            rx="2"
            onClick={(event) => {
              event.stopPropagation();
              choose(segment);
            }}
          >
            <title>{segmentText(segment, span[1])}</title>
          </rect>
        );
      })}
    </svg>
  );
}

function segmentText({ kind, from, to, attempt, worker, why, failed }: Segment, now: number): string {
  const values = { duration: duration(Math.max((to ?? now) - from, 0)) };
  if (kind === "queued") return t("runs.queuedFor", values);
  if (kind === "waiting" && why) return t(`runs.waitedFor${why}`, values);
  const parts = [
    t("runs.ranFor", values),
    attempt > 1 && t("runs.ranAttempt", { attempt }),
    worker && t("runs.ranOn", { worker }),
    failed && t("runs.ranFailed"),
  ];
  return parts.filter(Boolean).join(", ");
}
