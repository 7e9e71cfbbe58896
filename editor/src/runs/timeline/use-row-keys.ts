import { type KeyboardEvent, useEffect, useRef } from "react";
import type { Row } from "./rows";

interface RowActions {
  toggle: (row: Row) => void;
  choose: (row: Row) => void;
  port: { current: HTMLDivElement | null };
  show: (index: number) => void;
  rowPx: number;
}

/** The row that has the keyboard focus. */
export interface ActiveRow {
  key: string;
  /** Its last position: where the focus goes when the row is removed. */
  index: number;
}

/** The position of the active row among rows that may have been added, moved or removed since; 0 when none is active. */
export function activeIndex(rows: readonly Row[], active: ActiveRow | null): number {
  if (active === null) return 0;
  const index = rows.findIndex((row) => row.key === active.key);
  return index >= 0 ? index : Math.max(Math.min(active.index, rows.length - 1), 0);
}

/** Handle the arrow keys, which move the focus and open and close rows, and Enter, which selects. */
export function useRowKeys(
  rows: readonly Row[],
  active: number,
  setActive: (row: Row, index: number) => void,
  acts: RowActions,
) {
  const { toggle, choose, port, show, rowPx } = acts;
  const focus = useRef(false);
  const focused = useRef<Element | null>(null);
  useEffect(() => {
    const current = document.activeElement;
    if (port.current?.contains(current)) focused.current = current;
    // A row that is removed takes the focus with it, and keys would no longer reach the table.
    const lost = focused.current?.isConnected === false && current === document.body;
    if (!focus.current && !lost) return;
    const row = port.current?.querySelector<HTMLElement>(`[data-index="${active}"]`);
    if (!row) return;
    focus.current = false;
    focused.current = row;
    row.focus({ preventScroll: true });
  });
  return (event: KeyboardEvent) => {
    const row = rows[active];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.floor((port.current?.clientHeight ?? 0) / rowPx) - 1;
    const next = targetRow(event.key, rows, active, page);
    if (next === null && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (next === null) choose(row);
    else if (next === "toggle") toggle(row);
    else {
      const target = rows[next];
      if (!target) return;
      focus.current = true;
      setActive(target, next);
      show(next);
    }
  };
}

/** The row that a key moves to, or "toggle" if it opens or closes the current row; null for any other key. */
function targetRow(key: string, rows: readonly Row[], active: number, page: number): number | "toggle" | null {
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
