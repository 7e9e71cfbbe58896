type Query = Record<string, string>;

/** Maximum number of rows of a page. */
const PAGE = 1000;

/**
 * Return all rows of a list, which is read page by page.
 *
 * @param read reads a page
 * @param next query of the page that follows a row
 */
export async function allPages<T>(
  read: (query: Query) => Promise<{ data?: T[] }>,
  next: (last: T) => Query,
): Promise<T[]> {
  const rows: T[] = [];
  let from: Query = {};
  for (;;) {
    const { data = [] } = await read({ per_page: String(PAGE), ...from });
    rows.push(...data);
    const last = data.at(-1);
    if (last === undefined || data.length < PAGE) return rows;
    from = next(last);
  }
}
