import { duration } from "../../lib/time";
import css from "./timeline.module.css";
import { type Segment, segmentPosition, type Track } from "./tracks";

const HEIGHT = 12;
const MIN_WIDTH = 0.25;

/** The patterns of the bars, once on a page: waiting is told from running by more than a colour. */
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
  /** Of what waits and has no track yet: it is said by the words beside it. */
  choose: (segment: Segment) => void;
}

/** What a node did over time. The words beside say the same. */
export function Bars({ track, span, choose }: Props) {
  return (
    <svg className={css.bars} aria-hidden="true">
      {track.segments.map((segment) => {
        const { x, width } = segmentPosition(segment, span);
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: the line that it is on is what keys choose
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
  const took = duration(Math.max((to ?? now) - from, 0));
  if (kind === "queued") return `Queued for ${took}`;
  if (kind === "waiting") return `Waited for ${why}: ${took}`;
  return [`Ran ${took}`, attempt > 1 && `attempt ${attempt}`, worker && `on ${worker}`, failed && "failed"]
    .filter(Boolean)
    .join(", ");
}
