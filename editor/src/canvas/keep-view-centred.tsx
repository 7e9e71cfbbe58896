import { useReactFlow, useStore, type Viewport } from "@xyflow/react";
import { useEffect, useRef } from "react";
import { fitted } from "./view";

/** Keeps the middle of the view in place when a panel changes the size of the canvas. A graph that fitted still fits. */
export function KeepViewCentred() {
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  const before = useRef({ width, height });
  const flow = useReactFlow();
  useEffect(() => {
    const { width: wide, height: high } = before.current;
    before.current = { width, height };
    if (wide === 0 || (wide === width && high === height)) return;
    const view = flow.getViewport();
    const moved = { x: view.x + (width - wide) / 2, y: view.y + (height - high) / 2, zoom: view.zoom };
    void flow.setViewport(same(view, fitted(flow, wide, high)) ? fitted(flow, width, height) : moved);
  }, [width, height, flow]);
  return null;
}

const same = (one: Viewport, other: Viewport) =>
  Math.abs(one.x - other.x) < 1 && Math.abs(one.y - other.y) < 1 && Math.abs(one.zoom - other.zoom) < 0.001;
