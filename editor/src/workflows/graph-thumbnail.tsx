import { useMemo } from "react";
import { type Box, layout } from "../workflow/layout";
import { type Edge, type Node, outline } from "../workflow/outline";
import { parseSource } from "../workflow/source";
import css from "./graph-thumbnail.module.css";

// Drawn from left to right. Each node is a square without text, which would not be readable at this size.
const SCALE = 60 / 232;
const MARGIN = 12;

interface Square extends Box {
  id: string;
  look: "box" | "ask" | "step";
}

/** A workflow's graph as a small picture, from its YAML. */
export function GraphThumbnail({ text }: { text: string }) {
  const { squares, lines, width, height } = useMemo(() => drawThumbnail(text), [text]);
  return (
    <svg
      className={css.picture}
      viewBox={`${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}`}
      preserveAspectRatio="xMidYMid meet"
      aria-hidden="true"
    >
      {squares.map(({ id, look, ...box }) => (
        <rect key={id} className={css[look]} rx={look === "box" ? 12 : 14} {...box} />
      ))}
      {lines.map((line) => (
        <path key={line} className={css.line} d={line} />
      ))}
    </svg>
  );
}

const CONTROL_KINDS = new Set(["approval", "condition", "delay"]);

function drawThumbnail(text: string) {
  const tree = parseSource(text);
  const graph = outline(tree);
  const made = layout(graph, null);
  const places = new Map<string, Box>();
  const squares: Square[] = [];
  const add = (node: Node) => {
    const box = made.nodes.get(node.id);
    const holder = node.inside ? places.get(node.inside) : { x: 0, y: 0 };
    if (!box || !holder) return;
    const size = { width: box.height, height: box.width * SCALE };
    const place = { x: holder.x + box.y, y: holder.y + box.x * SCALE, ...size };
    places.set(node.id, place);
    squares.push({
      id: node.id,
      look: node.lanes.length > 0 ? "box" : CONTROL_KINDS.has(node.kind) ? "ask" : "step",
      ...place,
    });
    for (const lane of node.lanes) for (const inner of lane.nodes) add(inner);
  };
  for (const node of graph.main.nodes) add(node);
  const edges = [graph.main, ...[...graph.byId.values()].flatMap((node) => node.lanes)].flatMap((lane) => lane.edges);
  const lines = edges.map((edge) => curve(places, edge)).filter((line) => line !== null);
  const far = (end: (box: Box) => number) => Math.max(60, ...squares.map(end));
  return { squares, lines, width: far((box) => box.x + box.width), height: far((box) => box.y + box.height) };
}

function curve(places: Map<string, Box>, edge: Edge): string | null {
  const [from, to] = [places.get(edge.from), places.get(edge.to)];
  if (!from || !to) return null;
  const [x, y] = [from.x + from.width, from.y + from.height / 2];
  const [toX, toY] = [to.x, to.y + to.height / 2];
  const middle = (x + toX) / 2;
  return `M${x} ${y}C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`;
}
