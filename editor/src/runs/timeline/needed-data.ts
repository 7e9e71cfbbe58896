import { bodyOf, type OpenRow, PAGE, type Page, type Pages, pageKey, type Row } from "./rows";

/** Data to fetch for the visible rows: pages of iterations, and the content of open rows. */
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

/** Return the data needed now, and that of open rows that were scrolled out of view. */
export function keepOpenData(before: NeededData, now: NeededData, open: ReadonlySet<string>): NeededData {
  const current = new Set(now.inside.map(({ key }) => key));
  return { ...now, inside: [...before.inside.filter(({ key }) => open.has(key) && !current.has(key)), ...now.inside] };
}
