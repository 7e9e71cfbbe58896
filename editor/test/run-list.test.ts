import { expect, test } from "vitest";
import { failedRuns, filterOf, isTest, toQuery } from "../src/api/run-filter";
import type { RunPage, RunPages, RunRow } from "../src/api/run-list";
import { runChoice } from "../src/runs/compare/run-choice";
import { activeFilters, stateChoice, withChoice } from "../src/runs/list/filter";
import { firstLivePage, withNewestRows, withRefreshedPage } from "../src/runs/list/pages";

const row = (id: number, ended = true): RunRow =>
  ({ id: String(id).padStart(4, "0"), ended, status: ended ? "succeeded" : "running" }) as RunRow;
const page = (from: number, to: number, end = false): RunPage => ({
  rows: Array.from({ length: from - to + 1 }, (_, each) => row(from - each)),
  end,
});
const pages = (...each: RunPage[]): RunPages => ({
  pages: each,
  pageParams: each.map((_, place) => (place === 0 ? "" : (each[place - 1]?.rows.at(-1)?.id ?? ""))),
});
const ids = (data: RunPages): number[] => data.pages.flatMap(({ rows }) => rows.map(({ id }) => Number(id)));
const down = (from: number, to: number): number[] => page(from, to).rows.map(({ id }) => Number(id));

test("new runs come before those that are there, none twice and none lost", () => {
  const one = withNewestRows(pages(page(10, 6)), page(12, 8));
  expect(ids(one)).toEqual(down(12, 6));
  expect(one.pageParams).toEqual(["", "0008"]);
  const two = withNewestRows(pages(page(10, 6), page(5, 1, true)), page(13, 9));
  expect(ids(two)).toEqual(down(13, 1));
  expect(two.pageParams).toEqual(["", "0009"]);
  expect(two.pages.at(-1)?.end).toBe(true);
});

test("where runs may lie between, the newest stand alone", () => {
  expect(ids(withNewestRows(pages(page(10, 6)), page(30, 26)))).toEqual(down(30, 26));
  expect(ids(withNewestRows(pages(page(10, 6)), page(3, 2, true)))).toEqual([3, 2]);
});

test("one page of what is in progress is fetched anew, and keeps its end", () => {
  const data = pages(page(10, 6), { rows: [row(5), row(4, false)], end: false }, page(3, 1));
  expect(firstLivePage(data)).toBe(1);
  expect(firstLivePage(pages(page(10, 6)))).toBe(-1);
  const made = withRefreshedPage(data, 1, [row(5), row(4), row(3)]);
  expect(ids(made)).toEqual(down(10, 1));
  expect(firstLivePage(made)).toBe(-1);
});

test("a filter is what the address says, and what it says wrong is as if it were not there", () => {
  const filter = filterOf(new URLSearchParams("state=failed,cancelled&q=pay&by=eva&last=5y&from=never"));
  expect(activeFilters(filter).map(({ name, value }) => [name, value])).toEqual([
    ["state", "Failed or Cancelled"],
    ["q", "pay"],
    ["by", "eva"],
  ]);
  expect(filter.last).toBe("7d");
  expect(toQuery(filter, Date.parse("2026-01-08T00:00:00Z"))).toEqual({
    has_null_parent: true,
    created_after: "2026-01-01T00:00:00.000Z",
    states: "failed,cancelled",
    script_path_text: "pay",
    created_by: "eva",
  });
  const times = filterOf(new URLSearchParams("from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&last=24h"));
  expect([times.last, times.from, times.to]).toEqual(["", "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]);
});

test("the select of states shows the active ones, adds another, and removes all", () => {
  const { selected, options } = stateChoice(["failed", "cancelled"]);
  expect(options.find(({ value }) => value === selected)?.label).toBe("Failed or Cancelled");
  expect(options.map(({ value }) => value)).not.toContain("failed");
  expect(withChoice(["failed"], "cancelled")).toEqual(["failed", "cancelled"]);
  expect(withChoice(["failed"], selected)).toEqual(["failed"]);
  expect(withChoice(["failed"], "")).toEqual([]);
  expect(stateChoice([]).selected).toBe("");
});

test("the home page leads to the failed runs that it counts, without tests", () => {
  const filter = filterOf(new URL(failedRuns("main"), "http://localhost").searchParams);
  expect([filter.states, filter.tests]).toEqual([["failed"], false]);
  expect(toQuery(filter, 0)).toMatchObject({ job_kinds: "flow,script" });
});

test("runs of workflows and nodes that are not deployed are marked as tests", () => {
  expect(["flowpreview", "preview", "flow", "script"].map(isTest)).toEqual([true, true, false, false]);
  const run = { ...row(1), tested: true, trigger: "manual", created_at: "2026-01-01T00:00:00Z" };
  expect(runChoice(run)).toMatch(/, test$/);
  expect(runChoice({ ...run, tested: false })).not.toContain("test");
});
