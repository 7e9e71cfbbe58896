import { type KeyboardEvent, useEffect, useRef } from "react";
import type { Row } from "./rows";

interface Acts {
  toggle: (row: Row) => void;
  choose: (row: Row) => void;
  port: { current: HTMLDivElement | null };
  show: (index: number) => void;
  rowPx: number;
}

/** Arrows go from line to line, open and close; Enter selects. */
export function useKeys(rows: readonly Row[], active: number, setActive: (index: number) => void, acts: Acts) {
  const { toggle, choose, port, show, rowPx } = acts;
  const focus = useRef(false);
  useEffect(() => {
    if (!focus.current) return;
    const row = port.current?.querySelector<HTMLElement>(`[data-index="${active}"]`);
    if (!row) return;
    focus.current = false;
    row.focus({ preventScroll: true });
  });
  return (event: KeyboardEvent) => {
    const row = rows[active];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.floor((port.current?.clientHeight ?? 0) / rowPx) - 1;
    const next = goal(event.key, rows, active, page);
    if (next === null && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (next === null) choose(row);
    else if (next === "toggle") toggle(row);
    else {
      focus.current = true;
      setActive(next);
      show(next);
    }
  };
}

/** The line that a key leads to, or that it opens or closes the line; null: it is none of these keys. */
function goal(key: string, rows: readonly Row[], active: number, page: number): number | "toggle" | null {
  const row = rows[active];
  const within = (index: number) => Math.min(Math.max(index, 0), rows.length - 1);
  switch (key) {
    case "ArrowDown":
      return within(active + 1);
    case "ArrowUp":
      return within(active - 1);
    case "PageDown":
      return within(active + page);
    case "PageUp":
      return within(active - page);
    case "Home":
      return 0;
    case "End":
      return rows.length - 1;
    case "ArrowRight":
      return row?.open === false ? "toggle" : within(active + (row?.open ? 1 : 0));
    case "ArrowLeft":
      if (row?.open) return "toggle";
      return within(rows.slice(0, active).findLastIndex((each) => each.depth < (row?.depth ?? 0)));
    default:
      return null;
  }
}
