import type { Box } from "./layout";

export const ALIGNMENTS = ["left", "centre", "right", "top", "middle", "bottom", "across", "down"] as const;
export type Alignment = (typeof ALIGNMENTS)[number];

type Places = Record<string, { x: number; y: number }>;

/** Return new positions: aligned to an edge or the middle of the frame, or with even gaps (`across`, `down`). */
export function align(boxes: ReadonlyMap<string, Box>, how: Alignment): Places {
  const all = [...boxes.values()];
  const [left, top] = [Math.min(...all.map((box) => box.x)), Math.min(...all.map((box) => box.y))];
  const right = Math.max(...all.map((box) => box.x + box.width));
  const bottom = Math.max(...all.map((box) => box.y + box.height));
  if (how === "across" || how === "down") return spread(boxes, how);
  const place: Record<Exclude<Alignment, "across" | "down">, (box: Box) => { x: number; y: number }> = {
    left: ({ y }) => ({ x: left, y }),
    centre: ({ y, width }) => ({ x: Math.round((left + right - width) / 2), y }),
    right: ({ y, width }) => ({ x: right - width, y }),
    top: ({ x }) => ({ x, y: top }),
    middle: ({ x, height }) => ({ x, y: Math.round((top + bottom - height) / 2) }),
    bottom: ({ x, height }) => ({ x, y: bottom - height }),
  };
  return Object.fromEntries([...boxes].map(([id, box]) => [id, place[how](box)]));
}

function spread(boxes: ReadonlyMap<string, Box>, how: "across" | "down"): Places {
  const [at, size] = how === "across" ? (["x", "width"] as const) : (["y", "height"] as const);
  const inOrder = [...boxes].sort(([, a], [, b]) => a[at] - b[at]);
  const [first, last] = [inOrder[0]?.[1], inOrder.at(-1)?.[1]];
  if (!first || !last) return {};
  const length = last[at] + last[size] - first[at];
  const filled = inOrder.reduce((sum, [, box]) => sum + box[size], 0);
  const gap = inOrder.length > 1 ? (length - filled) / (inOrder.length - 1) : 0;
  let next = first[at];
  const places: Places = {};
  for (const [id, box] of inOrder) {
    places[id] = { x: box.x, y: box.y, [at]: Math.round(next) };
    next += box[size] + gap;
  }
  return places;
}
