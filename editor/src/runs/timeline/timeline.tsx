import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { useEditor } from "../../editor/context";
import { ENDED } from "../../lib/status";
import { t } from "../../texts/runs";
import { Empty, Failed, Skeleton } from "../../ui/states";
import { useRun } from "../context";
import { Patterns } from "./bars";
import { Head, Legend } from "./head";
import { Line } from "./line";
import { keepOpenData, type NeededData, neededData } from "./needed-data";
import { isSelected, selectionFor } from "./row-selection";
import { bodyOf, type Row, rowsOf } from "./rows";
import css from "./timeline.module.css";
import { type Segment, tracksOf } from "./tracks";
import { useNow } from "./use-now";
import { type ActiveRow, activeIndex, useRowKeys } from "./use-row-keys";
import { useEvents, useInsides, usePages, useSettled } from "./use-timeline-data";

const ROW_PX = 32;
const OVERSCAN = 12;
const SETTLED_MS = 60;
const NOTHING_NEEDED: NeededData = { pages: [], inside: [] };
const NOTHING: ReadonlySet<string> = new Set();
const NO_NODES = {};

/** Timeline of the nodes, attempts and iterations of a run: queued, waiting, running. */
export function RunTimeline() {
  const { workspace, id, selection, select } = useRun();
  const live = useEditor((editor) => editor.live);
  const graph = useEditor((editor) => editor.graph);
  const over = ENDED.has(live?.status ?? "");
  const moved = live?.graph?.rev ?? "";
  const events = useEvents(workspace, id, moved, over);
  const now = useNow(over);
  const [open, setOpen] = useState(NOTHING);
  const [seen, setSeen] = useState<NeededData>(NOTHING_NEEDED);
  const pages = usePages(workspace, id, seen.pages, moved);
  const insides = useInsides(workspace, id, seen.inside);
  const runStart = live?.graph?.started_at;
  const tracks = useMemo(
    () => tracksOf(events.data?.events ?? [], runStart ? Date.parse(runStart) : undefined),
    [events.data, runStart],
  );
  const nodes = live?.nodes ?? NO_NODES;
  const rows = useMemo(
    () =>
      rowsOf({
        graph,
        nodes,
        tracks,
        open,
        insides: new Map(seen.inside.map(({ key }, n) => [key, insides[n] ?? []])),
      }),
    [graph, nodes, tracks, open, seen.inside, insides],
  );
  const port = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => port.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
  });
  const shown = virtual.getVirtualItems();
  const needed = neededData(
    shown.flatMap(({ index }) => rows[index] ?? []),
    pages,
  );
  useSettled(needed, (now) => setSeen((before) => keepOpenData(before, now, open)), SETTLED_MS);
  const toggle = (row: Row) => {
    const next = new Set(open);
    if (!next.delete(row.key)) next.add(row.key);
    setOpen(next);
  };
  const choose = (row: Row, segment?: Segment) => select(selectionFor(row, segment));
  const [activeRow, setActiveRow] = useState<ActiveRow | null>(null);
  const active = activeIndex(rows, activeRow);
  const setActive = ({ key }: Row, index: number) => setActiveRow({ key, index });
  const keys = useRowKeys(rows, active, setActive, {
    toggle,
    choose,
    port,
    show: virtual.scrollToIndex,
    rowPx: ROW_PX,
  });
  // After a failed refetch the table stays, with the focus and the open rows.
  if (events.isError && !events.data) return <Failed error={events.error} retry={() => void events.refetch()} />;
  if (!events.data || !live?.graph) return <Skeleton rows={6} />;
  if (rows.length === 0) return <Empty title={t("runs.emptyTimeline")} />;
  const began = Date.parse(live.graph.created_at);
  const ended = over && live.graph.ended_at ? Date.parse(live.graph.ended_at) : Math.max(now, began + 1);
  const span = [began, ended] as const;
  return (
    <div className={css.view}>
      <Patterns />
      <Legend />
      <div ref={port} className={css.port}>
        {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: its rows have the focus and are opened */}
        <table role="treegrid" aria-label={t("runs.timeline")} aria-rowcount={rows.length + 1} onKeyDown={keys}>
          <Head span={span} />
          <tbody style={{ height: virtual.getTotalSize() }}>
            {shown.map(({ index, start }) => {
              const row = rows[index];
              if (!row) return null;
              return (
                <Line
                  key={row.key}
                  {...{ row, index, start, span, toggle }}
                  body={bodyOf(row, pages)}
                  active={index === active}
                  focused={() => setActive(row, index)}
                  selected={isSelected(row, selection)}
                  choose={(chosen, segment) => {
                    setActive(row, index);
                    choose(chosen, segment);
                  }}
                />
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}
