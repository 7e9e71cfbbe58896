import { bodyOf, type OpenRow, PAGE, type Page, type Pages, pageKey, type Row } from "./rows";

/** What is to be fetched for the lines in sight: pages of iterations, and what is in those that are open. */
export interface NeededData {
  pages: Page[];
  inside: OpenRow[];
}

export function neededData(shown: readonly Row[], pages: Pages): NeededData {
  const found = new Map<string, Page>();
  const inside: NeededData["inside"] = [];
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
export function keepOpenData(before: NeededData, now: NeededData, open: ReadonlySet<string>): NeededData {
  const current = new Set(now.inside.map(({ key }) => key));
  return { ...now, inside: [...before.inside.filter(({ key }) => open.has(key) && !current.has(key)), ...now.inside] };
}
