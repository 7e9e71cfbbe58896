import { useReactFlow, useStore, type Viewport } from "@xyflow/react";
import { useLayoutEffect, useRef } from "react";
import { fitted, opened } from "./view";

/**
 * Sets the view in which a graph opens, and keeps the middle of the view in place when a panel changes the size of the
 * canvas. A graph that fitted still fits, and one that nobody moved is as it opens.
 */
export function KeepViewCentred() {
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  const before = useRef({ width: 0, height: 0 });
  const flow = useReactFlow();
  useLayoutEffect(() => {
    const { width: wide, height: high } = before.current;
    before.current = { width, height };
    if (width === 0 || (wide === width && high === height)) return;
    if (wide === 0) {
      void flow.setViewport(opened(flow, width, height));
      return;
    }
    const view = flow.getViewport();
    const adjusted = [opened, fitted].find((placed) => same(view, placed(flow, wide, high)));
    const moved = { x: view.x + (width - wide) / 2, y: view.y + (height - high) / 2, zoom: view.zoom };
    void flow.setViewport(adjusted?.(flow, width, height) ?? moved);
  }, [width, height, flow]);
  return null;
}

const same = (one: Viewport, other: Viewport) =>
  Math.abs(one.x - other.x) < 1 && Math.abs(one.y - other.y) < 1 && Math.abs(one.zoom - other.zoom) < 0.001;
