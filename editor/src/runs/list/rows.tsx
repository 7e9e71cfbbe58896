import { type KeyboardEvent, useEffect, useRef } from "react";
import type { RunRow } from "../../api/run-list";
import { duration } from "../../lib/time";
import { Link } from "../../routing/link";
import { t } from "../../texts/runs";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { useVisibleRows } from "../../ui/use-visible-rows";
import { triggerName } from "../trigger-name";
import type { SetFilter } from "./filter";
import css from "./runs.module.css";

const HEIGHT = 56;
const PREFETCH_ROWS = 20;

interface Props {
  workspace: string;
  rows: RunRow[];
  isChosen: (id: string) => boolean;
  choose: (row: RunRow, yes: boolean) => void;
  put: SetFilter;
  /** Fetch more rows. */
  more: () => void;
}

/** Virtual list of runs. Arrow keys move the focus between rows. */
export function Rows({ rows, more, ...rest }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const { first, end } = useVisibleRows(list, HEIGHT, rows.length);
  const near = end + PREFETCH_ROWS >= rows.length;
  useEffect(() => {
    if (near) more();
  }, [near, more]);
  return (
    <>
      <Headers />
      <ul
        className={css.rows}
        ref={list}
        aria-label={t("runs.runs")}
        style={{ height: rows.length * HEIGHT }}
        onKeyDown={(event) => moveFocus(event, rows.length)}
      >
        {rows.slice(first, end).map((row, place) => (
          <li
            key={row.id}
            className={css.row}
            style={{ top: (first + place) * HEIGHT, height: HEIGHT }}
            aria-setsize={rows.length}
            aria-posinset={first + place + 1}
          >
            <Row row={row} {...rest} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** Names of the columns. Rows name their values for screen readers. */
function Headers() {
  return (
    <div className={css.headers} aria-hidden="true">
      <span />
      <span>{t("runs.filterStatus")}</span>
      <span>{t("ui.name")}</span>
      <span>{t("runs.trigger")}</span>
      <span>{t("runs.startedBy")}</span>
      <span>{t("runs.started")}</span>
      <span className={css.duration}>{t("runs.duration")}</span>
    </div>
  );
}

function Row({ workspace, row, isChosen, choose, put }: Omit<Props, "rows" | "more"> & { row: RunRow }) {
  const name = row.summary || row.path || t("runs.preview");
  const reason = row.why || (row.tested ? t("runs.test") : "");
  const details = [row.summary && row.path, reason].filter(Boolean);
  return (
    <>
      <input
        type="checkbox"
        aria-label={t("runs.selectRun", { name })}
        checked={isChosen(row.id)}
        onChange={(event) => choose(row, event.target.checked)}
      />
      <span className={css.state}>
        <Status status={row.status} />
      </span>
      <span className={css.name}>
        <Link to={`/w/${workspace}/runs/${row.id}`} title={row.path || undefined} data-run={row.id}>
          {name}
        </Link>
        <span className={css.reason}>{details.join(" · ")}</span>
      </span>
      <button
        type="button"
        className={css.fact}
        title={t("runs.onlyThisTrigger")}
        onClick={() => put(onlyTrigger(row))}
      >
        {triggerName(row.trigger)}
      </button>
      <button type="button" className={css.fact} title={t("runs.onlyThisUser")} onClick={() => put({ by: row.by })}>
        {row.by}
      </button>
      <span className={css.when}>
        <Time at={row.started_at ?? row.created_at} />
      </span>
      <span className={css.duration}>{row.duration_ms === null ? "" : duration(row.duration_ms)}</span>
    </>
  );
}

const onlyTrigger = (row: RunRow) => ({ trigger: row.trigger.split(" ")[0] ?? "" });

/** Move the focus to the next or previous run with the arrow keys. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>, count: number): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = (event.target as HTMLElement).closest("li");
  if (!step || !row) return;
  const place = Number(row.getAttribute("aria-posinset")) + step;
  if (place < 1 || place > count) return;
  event.currentTarget.querySelector<HTMLElement>(`[aria-posinset="${place}"] a`)?.focus();
  event.preventDefault();
}
