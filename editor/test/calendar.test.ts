import { expect, test } from "vitest";
import type { ScheduleCalendar } from "../src/api/schedules";
import { untilPassed } from "../src/lib/until-passed";
import {
  cellKey,
  cellsOf,
  daysOf,
  entriesOf,
  formatDay,
  hourEnd,
  MAX_PAST,
  parseDay,
  shortenedSchedules,
  summarizeCell,
} from "../src/schedules/calendar";
import { formatInZone } from "../src/triggers/times";

const at = (hour: number, minute: number, second = 0): string =>
  new Date(2026, 0, 7, hour, minute, second).toISOString();
const tick = (path: string, tick_at: string) => ({
  tick_at,
  path,
  script_path: "f/a/b",
  is_flow: true,
  timezone: "UTC",
});
const CALENDAR = {
  past: [
    { ...tick("f/a/one", at(8, 0)), state: "ended", outcome: "failed", job: "1" },
    { ...tick("f/a/two", at(8, 30)), state: "skipped", detail: "not today" },
  ],
  coming: [tick("f/a/one", at(9, 0)), tick("f/a/two", at(9, 0, 30)), tick("f/a/one", at(9, 0, 40))],
} as unknown as ScheduleCalendar;

test("ticks of an hour are counted by how they stand, and schedules of one minute clash", () => {
  const cells = cellsOf(entriesOf(CALENDAR));
  const day = new Date(2026, 0, 7);
  expect(summarizeCell(cells.get(cellKey(day, 8)) ?? [])).toMatchObject({
    counts: { failed: 1, skipped: 1 },
    clashes: [],
  });
  expect(summarizeCell(cells.get(cellKey(day, 9)) ?? [])).toEqual({
    counts: { scheduled: 3 },
    clashes: [{ at: Date.parse(at(9, 0)), paths: ["f/a/one", "f/a/two"] }],
    names: ["f/a/one", "f/a/two"],
  });
});

test("schedules with too many past runs are named, and hours end with the next one", () => {
  const past = Array.from({ length: MAX_PAST }, () => ({ path: "f/a/one" }));
  const calendar = { past: [...past, { path: "f/a/two" }], coming: [] } as unknown as ScheduleCalendar;
  expect(shortenedSchedules(calendar)).toEqual(["f/a/one"]);
  expect(shortenedSchedules(CALENDAR)).toEqual([]);
  expect(hourEnd(new Date(2026, 0, 7), 23)).toBe(new Date(2026, 0, 8).getTime());
});

test("the next time of a schedule is fetched again when it has passed, and not all the time", () => {
  const now = Date.parse("2026-01-07T08:00:00Z");
  expect(untilPassed("2026-01-07T08:00:30Z", now)).toBe(31_000);
  expect(untilPassed("2026-01-07T07:59:50Z", now)).toBe(5_000);
  expect(untilPassed(undefined, now)).toBe(false);
});

test("a week begins on Monday, and what is no day is today", () => {
  expect(daysOf(new Date(2026, 0, 7), true).map(formatDay)).toEqual(
    [5, 6, 7, 8, 9, 10, 11].map((day) => `2026-01-${String(day).padStart(2, "0")}`),
  );
  expect(daysOf(new Date(2026, 0, 11), true).map(formatDay)[0]).toBe("2026-01-05");
  const now = new Date(2026, 5, 1);
  expect(parseDay("2026-02-03", now).getDate()).toBe(3);
  for (const wrong of [null, "", "soon", "2026-2-3"]) expect(parseDay(wrong, now)).toBe(now);
});

test("times of a schedule have the year unless it is the present one", () => {
  const now = new Date(2026, 10, 30);
  expect(formatInZone("2026-12-31T23:30:00Z", "UTC", now)).not.toContain("2026");
  expect(formatInZone("2026-12-31T23:30:00Z", "Europe/Berlin", now)).toContain("2027");
});
