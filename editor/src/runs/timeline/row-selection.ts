import type { Iteration, Selection } from "../selection";
import type { Row } from "./rows";
import type { Segment } from "./tracks";

/** Return the selection of a row or of one of its bars. */
export function selectionFor(row: Row, segment: Segment | undefined): Partial<Selection> {
  if (row.kind === "node") {
    return { node: row.id, at: [], attempt: segment && segment.attempt > 1 ? segment.attempt : null };
  }
  if (row.kind === "attempt") return { node: row.id, at: [], attempt: row.attempt };
  return { node: row.kind === "inside" ? row.id : row.loop, at: row.at, attempt: null };
}

export function isSelected(row: Row, { node, attempt, at }: Selection): boolean {
  if (row.kind === "node") return row.id === node && attempt === null && at.length === 0;
  if (row.kind === "attempt") return row.id === node && row.attempt === attempt;
  const here = at.length === row.at.length && row.at.every((each, n) => sameIteration(each, at[n]));
  return here && node === (row.kind === "inside" ? row.id : row.loop);
}

const sameIteration = (one: Iteration, other: Iteration | undefined) =>
  one.loop === other?.loop && one.place === other.place;
