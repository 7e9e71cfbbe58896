import type { ScheduleCalendar } from "../api/schedules";
import { storedReasonText } from "../kinds/reason-text";

/** Past or upcoming tick of a schedule. `at`: milliseconds. */
export interface Entry {
  at: number;
  path: string;
  what: string;
  state: string;
  run: string | null;
  detail: string;
}

export interface Cell {
  /** Number of ticks by state. */
  counts: Record<string, number>;
  /** Minutes with ticks of several schedules. */
  clashes: Clash[];
  /** Paths of the schedules, in order. */
  names: string[];
}

export interface Clash {
  at: number;
  paths: string[];
}

const MINUTE_MS = 60_000;

/** Return all ticks of a calendar in order of time. */
export function entriesOf({ past, coming }: ScheduleCalendar): Entry[] {
  return [
    ...past.map((tick) => ({
      at: Date.parse(tick.tick_at),
      path: tick.path,
      what: tick.script_path,
      state: tick.state === "ended" ? (tick.outcome ?? "succeeded") : tick.state === "asking" ? "queued" : tick.state,
      run: tick.job ?? null,
      detail: storedReasonText(tick.detail ?? "", tick.detail_code),
    })),
    ...coming.map((tick) => ({
      at: Date.parse(tick.tick_at),
      path: tick.path,
      what: tick.script_path,
      state: "scheduled",
      run: null,
      detail: "",
    })),
  ].sort((a, b) => a.at - b.at);
}

/** Return the minutes with ticks of more than one schedule. */
export function clashesOf(entries: Entry[]): Clash[] {
  const minutes = new Map<number, Set<string>>();
  for (const { at, path } of entries) {
    const minute = at - (at % MINUTE_MS);
    minutes.set(minute, (minutes.get(minute) ?? new Set()).add(path));
  }
  return [...minutes].filter(([, paths]) => paths.size > 1).map(([at, paths]) => ({ at, paths: [...paths].sort() }));
}

export const cellKey = (day: Date, hour: number): string => `${day.toDateString()} ${hour}`;

/** Group ticks by day and hour in the time zone of the browser, by `cellKey`. */
export function cellsOf(entries: Entry[]): Map<string, Entry[]> {
  const cells = new Map<string, Entry[]>();
  for (const entry of entries) {
    const at = new Date(entry.at);
    const key = cellKey(at, at.getHours());
    cells.set(key, [...(cells.get(key) ?? []), entry]);
  }
  return cells;
}

export function summarizeCell(entries: Entry[]): Cell {
  const counts: Record<string, number> = {};
  for (const { state } of entries) counts[state] = (counts[state] ?? 0) + 1;
  return { counts, clashes: clashesOf(entries), names: [...new Set(entries.map((each) => each.path))].sort() };
}

/** Return the displayed days: the day itself, or its week from Monday on. */
export function daysOf(day: Date, week: boolean): Date[] {
  const first = new Date(day.getFullYear(), day.getMonth(), day.getDate() - (week ? (day.getDay() + 6) % 7 : 0));
  return Array.from({ length: week ? 7 : 1 }, (_, each) => plusDays(first, each));
}

/** Maximum number of past ticks of a schedule that the server lists, the newest ones. */
export const MAX_PAST = 500;

/** Return the paths of the schedules with past ticks that are not listed. */
export function shortenedSchedules({ past }: ScheduleCalendar): string[] {
  const counts = new Map<string, number>();
  for (const { path } of past) counts.set(path, (counts.get(path) ?? 0) + 1);
  return [...counts].filter(([, count]) => count >= MAX_PAST).map(([path]) => path);
}

/** Return the end of an hour of a day in the time zone of the browser, in milliseconds. */
export const hourEnd = (day: Date, hour: number): number =>
  new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour + 1).getTime();

export const plusDays = (day: Date, days: number): Date =>
  new Date(day.getFullYear(), day.getMonth(), day.getDate() + days);

/** Format a day of the browser's time zone as "2026-01-31". */
export const formatDay = (day: Date): string =>
  [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((each) => String(each).padStart(2, "0")).join("-");

/** Parse the format of `formatDay`; `now` if the text is not a day. */
export function parseDay(text: string | null, now: Date): Date {
  const [year, month, day] = (text ?? "").split("-").map(Number);
  const found = new Date(year ?? 0, (month ?? 0) - 1, day);
  return /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(found.getTime()) ? found : now;
}
