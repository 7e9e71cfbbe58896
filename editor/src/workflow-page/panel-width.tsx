import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { t } from "../texts/workflow-page";
import css from "../ui/editor-page.module.css";
import { clampWidth, MAX_WIDTH, MIN_WIDTH, readWidth, STEP, storeWidth } from "./width";

/** Return the remembered width of a panel and a function that changes it. */
export function usePanelWidth(panel: string): [number, (width: number) => void] {
  const [widths, setWidths] = useState<Record<string, number>>({});
  const set = (width: number) => {
    const next = clampWidth(width);
    storeWidth(panel, next);
    setWidths((before) => ({ ...before, [panel]: next }));
  };
  return [widths[panel] ?? readWidth(panel), set];
}

/** Handle that changes the width of a panel on the right side of the page, by dragging or with the arrow keys. */
export function ResizeHandle({ width, set }: { width: number; set: (width: number) => void }) {
  const drag = (down: PointerEvent<HTMLDivElement>) => {
    const handle = down.currentTarget;
    handle.setPointerCapture(down.pointerId);
    const move = (event: globalThis.PointerEvent) => set(width + down.clientX - event.clientX);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), {
      once: true,
    });
    down.preventDefault();
  };
  const press = (event: KeyboardEvent) => {
    const change = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (!change) return;
    event.preventDefault();
    event.stopPropagation();
    set(width + change);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that is moved, which hr is not
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={t("workflow-page.panelWidth")}
      aria-valuenow={width}
      aria-valuemin={MIN_WIDTH}
      aria-valuemax={MAX_WIDTH}
      tabIndex={0}
      className={css.resizeHandle}
      onPointerDown={drag}
      onKeyDown={press}
    />
  );
}
