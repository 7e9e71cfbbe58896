import { markReused, type TimedBody } from "../../api/iterations";
import { useEditor } from "../../editor/context";
import { statusInRun } from "../../lib/status";
import { duration } from "../../lib/time";
import { t } from "../../texts/runs";
import { Icon } from "../../ui/icon";
import { Status } from "../../ui/status";
import { Bars } from "./bars";
import type { Row } from "./rows";
import css from "./timeline.module.css";
import { type Segment, type Track, timeSpent, trackOf } from "./tracks";

/** Maximum indentation of nested rows. */
const MAX_INDENT = 5;

interface Props {
  row: Row;
  /** Iteration, or job in one, of the row. */
  body: TimedBody | undefined;
  index: number;
  start: number;
  span: readonly [number, number];
  active: boolean;
  /** Called when the row receives the keyboard focus. */
  focused: () => void;
  selected: boolean;
  choose: (row: Row, segment?: Segment) => void;
  toggle: (row: Row) => void;
}

/** Row of the timeline: name, bars, status, times and worker. */
export function Line({ row, body: found, index, start, span, active, focused, selected, choose, toggle }: Props) {
  const run = useEditor((editor) => editor.live?.status);
  const id = useEditor((editor) => editor.live?.id);
  const body = found && markReused(found, id);
  const track =
    row.kind === "node" || row.kind === "attempt" ? row.track : body && !body.kept ? trackOf(body) : undefined;
  const status = row.kind === "node" || row.kind === "attempt" ? row.status : (body?.status ?? "pending");
  return (
    <tr
      className={css.row}
      aria-rowindex={index + 2}
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={row.open ?? undefined}
      data-index={index}
      data-row={row.key}
      tabIndex={active ? 0 : -1}
      style={{ transform: `translateY(${start}px)` }}
      onFocus={focused}
      onClick={() => choose(row)}
    >
      <td className={css.name} data-depth={Math.min(row.depth, MAX_INDENT)}>
        {row.open === null ? (
          <span className={css.leaf} />
        ) : (
          // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: Right and Left do the same
          <span
            className={css.opener}
            data-open={row.open}
            onClick={(event) => {
              event.stopPropagation();
              toggle(row);
            }}
          >
            <Icon name="next" size={12} />
          </span>
        )}
        <span className={css.title} title={nameOf(row)}>
          {nameOf(row)}
        </span>
      </td>
      <td className={css.time}>
        {track && <Bars track={track} span={span} choose={(segment) => choose(row, segment)} />}
      </td>
      <td className={css.times}>
        <Status status={statusInRun(status, run)} {...(body?.kept ? { word: t("ui.reused") } : {})} />
        <span title={track && timesText(track, span[1])}>{track ? timesText(track, span[1]) : ""}</span>
      </td>
      <td className={css.worker}>{track?.segments.findLast((each) => each.worker !== null)?.worker ?? ""}</td>
    </tr>
  );
}

function nameOf(row: Row): string {
  if (row.kind === "attempt") return t("runs.attemptNumber", { attempt: row.attempt });
  return row.kind === "node" || row.kind === "inside" ? row.id : `${row.loop}[${row.place}]`;
}

/** Return the times of a track in each state. */
function timesText(track: Track, now: number): string {
  const parts: string[] = [];
  for (const kind of ["queued", "waiting", "running"] as const) {
    const ms = timeSpent(track, kind, now);
    if (ms >= 1) parts.push(t(`runs.${kind}Time`, { duration: duration(ms) }));
  }
  const done = track.segments.every((each) => each.to !== null);
  return parts.length === 0 && done ? t("runs.runningTime", { duration: duration(0) }) : parts.join(", ");
}
