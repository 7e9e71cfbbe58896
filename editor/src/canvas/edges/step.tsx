import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getSmoothStepPath } from "@xyflow/react";
import css from "../canvas.module.css";
import type { DrawnEdge } from "../draw";

export function StepEdge(props: EdgeProps<DrawnEdge>) {
  const { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data, markerEnd } = props;
  const [path, x, y] = getSmoothStepPath({
    sourceX,
    sourceY,
    targetX,
    targetY,
    sourcePosition,
    targetPosition,
    borderRadius: 10,
  });
  const on = data?.edge.on ?? "success";
  return (
    <>
      <BaseEdge path={path} {...(markerEnd ? { markerEnd } : {})} />
      {on !== "success" && (
        <EdgeLabelRenderer>
          <div
            className={css.label}
            data-on={on}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {on}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
