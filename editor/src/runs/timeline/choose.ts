import type { Selection } from "../selection";
import { bodyOf, PAGE, type Pages, pageKey, type Row } from "./rows";
import type { Segment } from "./tracks";
import type { Page } from "./use-times";

/** What is to be fetched for the lines in sight: pages of iterations, and what is in those that are open. */
export interface Wanted {
  pages: Page[];
  inside: { key: string; job: string }[];
}

export function wantedOf(shown: readonly Row[], pages: Pages): Wanted {
  const found = new Map<string, Page>();
  const inside: Wanted["inside"] = [];
  for (const row of shown) {
    if (row.kind !== "iteration") continue;
    const page = Math.ceil(row.place / PAGE);
    found.set(pageKey(row.loop, page), { loop: row.loop, page });
    const body = bodyOf(row, pages);
    if (row.open && body) inside.push({ key: row.key, job: body.job });
  }
  return { pages: [...found.values()], inside };
}

/** What a line, or a bar of it, selects. */
export function selectionFor(row: Row, segment: Segment | undefined): Partial<Selection> {
  if (row.kind === "node") {
    return { node: row.id, at: [], attempt: segment && segment.attempt > 1 ? segment.attempt : null };
  }
  if (row.kind === "attempt") return { node: row.id, at: [], attempt: row.attempt };
  const node = row.kind === "inside" ? row.id : row.loop;
  return { node, at: [{ loop: row.loop, place: row.place }], attempt: null };
}

export function isSelected(row: Row, { node, attempt, at }: Selection): boolean {
  if (row.kind === "node") return row.id === node && attempt === null && at.length === 0;
  if (row.kind === "attempt") return row.id === node && row.attempt === attempt;
  const here = at.some(({ loop, place }) => loop === row.loop && place === row.place);
  return here && node === (row.kind === "inside" ? row.id : row.loop);
}
