import type { RunPage, RunPages, RunRow } from "../../api/run-list";

/** Return the pages with the newest rows before them, or only the newest if rows between may be missing. */
export function withNewestRows({ pages, pageParams }: RunPages, head: RunPage): RunPages {
  const [first] = pages;
  const [last, top] = [head.rows.at(-1)?.id ?? "", first?.rows[0]?.id ?? ""];
  if (!first || head.end || (top !== "" && last > top)) return { pages: [head], pageParams: [""] };
  const left = first.rows.filter((row) => row.id < last);
  if (pages.length === 1) {
    if (left.length === 0) return { pages: [head], pageParams: [""] };
    return { pages: [head, { rows: left, end: first.end }], pageParams: ["", last] };
  }
  const [, second, ...rest] = pages as [RunPage, RunPage, ...RunPage[]];
  return {
    pages: [head, { rows: [...left, ...second.rows], end: second.end }, ...rest],
    pageParams: ["", last, ...pageParams.slice(2)],
  };
}

/** Return the index of the first page after the first one with an unfinished run; -1 if none. */
export function firstLivePage({ pages }: RunPages): number {
  return pages.findIndex(({ rows }, place) => place > 0 && rows.some((row) => !row.ended));
}

/** Return the pages with the rows of one page replaced. */
export function withRefreshedPage(data: RunPages, place: number, rows: RunRow[]): RunPages {
  const last = data.pages[place]?.rows.at(-1)?.id ?? "";
  const pages = data.pages.map((page, each) =>
    each === place ? { ...page, rows: rows.filter((row) => row.id >= last) } : page,
  );
  return { ...data, pages };
}
