import { BaseEdge, EdgeLabelRenderer, type EdgeProps, type InternalNode, useStore } from "@xyflow/react";
import { useEditor, useEditorStore } from "../../editor/context";
import { edgeStateOf } from "../../editor/edge-state";
import { nodeStateOf } from "../../editor/run-watch";
import { t } from "../../texts/canvas";
import { Icon } from "../../ui/icon";
import { laneOf } from "../../workflow/commands";
import { isGroup } from "../../workflow/groups";
import { edgeId } from "../../workflow/layout";
import { OUTCOME_NAMES, outcomeHelp } from "../../workflow/outcome-names";
import css from "../canvas.module.css";
import type { DrawnEdge } from "../draw";
import { stepPath } from "./path";

/** An edge with its outcome, unless that is success, and a button that adds a node on it. */
export function StepEdge(props: EdgeProps<DrawnEdge>) {
  const { data, markerEnd } = props;
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  const taken = useEditor((editor) => (data ? edgeStateOf(editor, data.edge) : null));
  const running = useEditor(
    (editor) => taken === "taken" && data !== undefined && nodeStateOf(editor, data.edge.to)?.status === "running",
  );
  const source = useEditor((editor) => (data ? editor.graph.byId.get(data.edge.from) : undefined));
  const zIndex = useStore((state) => levelOf(state.nodeLookup.get(props.source)));
  const { path, x, y } = stepPath(props);
  if (!data) return null;
  const { edge } = data;
  const outcome = OUTCOME_NAMES[edge.on];
  const between = { from: edge.from, to: edge.to, outcome };
  const label = edge.on === "success" ? t("canvas.addBetween", between) : t("canvas.addOnOutcome", between);
  const add = () => {
    const { graph } = store.getState();
    const to = graph.byId.get(edge.to);
    if (to) store.setState({ dialog: { kind: "add", spot: { lane: laneOf(graph, to), edge } } });
  };
  const style = {
    ...(taken === "dead" ? { strokeDasharray: "4 4" } : {}),
    ...(taken === "taken" && !running ? { stroke: "var(--good)" } : {}),
  };
  return (
    <>
      <BaseEdge
        path={path}
        style={style}
        className={running ? css.running : undefined}
        {...(markerEnd ? { markerEnd } : {})}
      />
      <EdgeLabelRenderer>
        <div
          className={css.onEdge}
          data-canvas-edge=""
          data-id={edgeId(edge)}
          data-edge={`${edge.from} ${edge.to} ${taken ?? "open"}`}
          // In a box, above the area of its list; outside of boxes, below moved nodes.
          style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)`, zIndex }}
        >
          {edge.on !== "success" && (
            <span className={css.label} data-on={edge.on} title={source && outcomeHelp(source, edge.on)}>
              {outcome}
            </span>
          )}
          {!readOnly && !isGroup(edge.from) && !isGroup(edge.to) && (
            <button
              type="button"
              className={css.addOnEdge}
              aria-label={label}
              title={label}
              tabIndex={-1}
              onClick={add}
            >
              <Icon name="plus" size={12} />
            </button>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
}

/** Return the level of the label of an edge that starts at a node of the canvas. */
const levelOf = (source: InternalNode | undefined): number => (source?.parentId ? source.internals.z + 1 : 0);
