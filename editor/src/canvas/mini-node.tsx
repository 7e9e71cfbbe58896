import type { MiniMapNodeProps } from "@xyflow/react";
import { memo } from "react";
import { useEditor } from "../editor/context";
import { shownStatusOf } from "../editor/outdated";
import { statusStyle } from "../lib/status";
import css from "./canvas.module.css";

/** A node of the minimap, in the colour of its status. It reads the status itself, so that a change draws one node. */
export const MiniNode = memo(({ id, x, y, width, height }: MiniMapNodeProps) => {
  const kind = useEditor(({ graph }) => {
    const node = graph.byId.get(id);
    return node ? (node.lanes.length > 0 ? "container" : "card") : /^(note|group):/.test(id) ? "note" : null;
  });
  const tone = useEditor((editor) => {
    const status = shownStatusOf(editor, id);
    return status && status !== "pending" ? statusStyle(status).tone : undefined;
  });
  // The areas of lists in a container are not drawn.
  if (kind === null) return null;
  const container = kind === "card" ? undefined : "";
  return <rect className={css.mini} data-container={container} data-tone={tone} {...{ x, y, width, height }} rx={8} />;
});
