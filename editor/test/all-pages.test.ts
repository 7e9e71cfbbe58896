import { expect, test } from "vitest";
import { allPages } from "../src/api/all-pages";

test("all pages of a list are read, each after the last row of the one before", async () => {
  const stored = Array.from({ length: 2000 }, (_, at) => at);
  const queries: unknown[] = [];
  const read = async (query: Record<string, string>) => {
    queries.push(query);
    const after = Number(query.after ?? -1);
    return { data: stored.slice(after + 1, after + 1 + Number(query.per_page)) };
  };
  expect(await allPages(read, (last) => ({ after: String(last) }))).toEqual(stored);
  expect(queries).toEqual([
    { per_page: "1000" },
    { per_page: "1000", after: "999" },
    { per_page: "1000", after: "1999" },
  ]);
});
