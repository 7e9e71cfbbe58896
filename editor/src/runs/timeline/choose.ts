import type { Iteration, Selection } from "../selection";
import { bodyOf, PAGE, type Pages, pageKey, type Row } from "./rows";
import type { Segment } from "./tracks";
import type { Page } from "./use-times";

/** What is to be fetched for the lines in sight: pages of iterations, and what is in those that are open. */
export interface Wanted {
  pages: Page[];
  inside: Inside[];
}

/** What is in the line `key`, which `job` is: the iterations of the loop in it, or, null, its nodes. */
export interface Inside {
  key: string;
  job: string;
  loop: string | null;
}

export function wantedOf(shown: readonly Row[], pages: Pages): Wanted {
  const found = new Map<string, Page>();
  const inside: Wanted["inside"] = [];
  for (const row of shown) {
    if (row.kind === "node" || row.kind === "attempt") continue;
    if (row.kind === "iteration") {
      const page = Math.ceil(row.place / PAGE);
      found.set(pageKey(row.loop, page), { loop: row.loop, page });
    }
    const body = bodyOf(row, pages);
    if (row.open && body && row.inner) inside.push({ key: row.key, job: body.job, loop: row.inner.loop });
  }
  return { pages: [...found.values()], inside };
}

/** What is wanted now; what is open stays so when its line is scrolled out of sight. */
export function wantedStill(before: Wanted, now: Wanted, open: ReadonlySet<string>): Wanted {
  const anew = new Set(now.inside.map(({ key }) => key));
  return { ...now, inside: [...before.inside.filter(({ key }) => open.has(key) && !anew.has(key)), ...now.inside] };
}

/** What a line, or a bar of it, selects. */
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
