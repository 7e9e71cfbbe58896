import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect } from "react";
import { useEditorStore } from "../editing/context";

export const FIT = { padding: 0.15, maxZoom: 1.1, minZoom: 0.15 };
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Lets the page's actions zoom and go to nodes while the canvas is there. */
export function GiveView() {
  const store = useEditorStore();
  const flow = useReactFlow();
  const inner = useStoreApi();
  useEffect(() => {
    const duration = calm() ? 0 : 200;
    store.setState({
      canvas: {
        fit: () => void flow.fitView({ ...FIT, duration }),
        zoomTo: (zoom) => void flow.zoomTo(zoom, { duration }),
        zoomBy: (factor) => void flow.zoomTo(flow.getZoom() * factor, { duration }),
        reveal: (ids) => {
          const nodes = ids.map((id) => ({ id }));
          void flow.fitView({ nodes, padding: 0.4, maxZoom: Math.max(flow.getZoom(), 0.8), minZoom: 0.15, duration });
        },
        middle: () => {
          const { width, height, transform } = inner.getState();
          const [x, y, zoom] = transform;
          return { x: (width / 2 - x) / zoom, y: (height / 2 - y) / zoom };
        },
      },
    });
    return () => store.setState({ canvas: null });
  }, [store, flow, inner]);
  return null;
}
