import { type EdgeProps, getSmoothStepPath } from "@xyflow/react";
import type { Point } from "../../workflow/layout";
import type { DrawnEdge } from "../draw";

const CORNER = 10;
/** Distance of the labels of edges that are drawn over each other. */
const LABEL_DISTANCE = 100;

/** Return the path of an edge along its route in the layout, and the position of its label. */
export function stepPath(props: EdgeProps<DrawnEdge>): { path: string; x: number; y: number } {
  const { path, x, y } = drawPath(props);
  return { path, x: x + (props.data?.aside ?? 0) * LABEL_DISTANCE, y };
}

function drawPath(props: EdgeProps<DrawnEdge>): { path: string; x: number; y: number } {
  const { sourceX, sourceY, targetX, targetY, data } = props;
  const way = (data?.route ?? []).map(({ x, y }) => ({ x: sourceX + x, y: sourceY + y }));
  const [first, row, second] = way;
  const labelX = { source: sourceX, target: targetX, middle: (sourceX + targetX) / 2 }[data?.labelEnd ?? "middle"];
  if (!first) {
    const [path, x, y] = getSmoothStepPath({ ...props, borderRadius: CORNER });
    // An edge to a node above goes around both.
    return { path, x: targetY > sourceY ? labelX : x, y };
  }
  // Down to each gap between two rows, there sideways to the point in the next row.
  const corners: Point[] = [{ x: sourceX, y: sourceY }];
  for (let n = 0; n < way.length; n += 2) {
    const y = way[n]?.y ?? targetY;
    corners.push({ x: corners.at(-1)?.x ?? sourceX, y }, { x: way[n + 1]?.x ?? targetX, y });
  }
  corners.push({ x: targetX, y: targetY });
  const label = row && second ? { x: row.x, y: (first.y + second.y) / 2 } : { x: labelX, y: first.y };
  return { path: rounded(corners), ...label };
}

/** Return a path through points with rounded corners. */
export function rounded(points: readonly Point[]): string {
  const kept = points.filter(({ x, y }, n) => x !== points[n - 1]?.x || y !== points[n - 1]?.y);
  return kept
    .map((point, n) => {
      const [before, after] = [kept[n - 1], kept[n + 1]];
      if (!before || !after) return `${n === 0 ? "M" : "L"}${point.x},${point.y}`;
      const from = pointTowards(point, before, CORNER);
      const to = pointTowards(point, after, CORNER);
      return `L${from.x},${from.y}Q${point.x},${point.y} ${to.x},${to.y}`;
    })
    .join("");
}

/** Point on the way from one point to another, `far` away and at most half of the distance. */
function pointTowards(from: Point, to: Point, far: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = Math.min(far, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
