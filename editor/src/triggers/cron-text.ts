import { LOCALE } from "../texts/language";
import { t } from "../texts/triggers";

const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS = ["", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/** Times of a day that a phrase lists. */
const LISTED = 4;

/**
 * Return a phrase for a cron expression with five or six fields, such as "Every Monday and Thursday at 6:30"; null for one that
 * no phrase says exactly, such as one with days both of the month and of the week.
 */
export function cronText(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  const [second, minute, hour, day, month, weekday, ...others] = fields.length === 5 ? ["0", ...fields] : fields;
  if (!minute || !hour || !day || !month || !weekday || others.length > 0 || second !== "0") return null;
  const minutes = numbersOf(minute, 0, 59);
  const hours = numbersOf(hour, 0, 23);
  const days = daysText(day, month, weekday);
  if (!minutes || !hours || days === null) return null;
  const [first] = minutes;
  if (minutes.length === 1 && first !== undefined && hours.length <= LISTED)
    return capitalized(t("triggers.cronAt", { days, times: list(hours.map((each) => clock(each, first))) }));
  const often = oftenText(minutes, hours);
  if (!often) return null;
  return capitalized(days === t("triggers.cronEveryDay") ? often : t("triggers.cronOften", { days, often }));
}

const capitalized = (text: string): string => text.charAt(0).toLocaleUpperCase(LOCALE) + text.slice(1);

/** Return the phrase of times that recur within hours of a day. */
function oftenText(minutes: readonly number[], hours: readonly number[]): string | null {
  const [from, to, minute] = [hours[0] ?? 0, hours.at(-1) ?? 0, minutes[0] ?? 0];
  const step = minutes.length === 1 ? stepOf(hours, 24) : stepOf(minutes, 60);
  const isRange = hours.length === to - from + 1;
  if (step === 0 && (minutes.length > 1 || !isRange)) return null;
  if (minutes.length > 1 && !isRange) return null;
  const often = t(minutes.length === 1 ? "triggers.cronHours" : "triggers.cronMinutes", { count: Math.max(step, 1) });
  if (hours.length < 24 && isRange)
    return t("triggers.cronWithin", { often, from: clock(from, minute), to: clock(to, minutes.at(-1) ?? 0) });
  return minute === 0 ? often : t("triggers.cronMinute", { often, minute });
}

/** Return the distance of numbers that recur at equal distances from 0; 0 for other numbers. */
function stepOf(numbers: readonly number[], size: number): number {
  const step = size / numbers.length;
  return numbers.every((each, n) => each === n * step) ? step : 0;
}

function daysText(day: string, month: string, weekday: string): string | null {
  const isEvery = (field: string) => field === "*" || field === "?";
  const named = isEvery(month) ? "" : monthsText(month);
  if (named === null || (!isEvery(day) && !isEvery(weekday))) return null;
  const months = named ? t("triggers.cronMonths", { months: named }) : t("triggers.cronEveryMonth");
  if (day === "L") return t("triggers.cronOnLast", { months });
  if (!isEvery(day)) {
    const numbers = numbersOf(day, 1, 31);
    if (!numbers || numbers.length > LISTED) return null;
    const dates = list(numbers.map((each) => t("triggers.cronDate", { day: each })));
    return t("triggers.cronOnDates", { count: numbers.length, dates, months });
  }
  const days = isEvery(weekday) ? t("triggers.cronEveryDay") : weekdaysText(weekday);
  return days && named ? t("triggers.cronInMonths", { days, months: named }) : days;
}

function weekdaysText(field: string): string | null {
  const found = numbersOf(field, 0, 7, DAYS);
  if (!found) return null;
  const numbers = [...new Set(found.map((each) => each % 7))].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
  if (numbers.length === 7) return t("triggers.cronEveryDay");
  if (String(numbers) === "1,2,3,4,5") return t("triggers.cronWeekdays");
  // The first of June 2025 is a Sunday.
  const names = numbers.map((each) => nameOf({ weekday: "long" }, 5, 1 + each));
  return t("triggers.cronOnDays", { days: list(names) });
}

function monthsText(field: string): string | null {
  const numbers = numbersOf(field, 1, 12, MONTHS);
  return numbers && list(numbers.map((each) => nameOf({ month: "long" }, each - 1, 1)));
}

const nameOf = (style: Intl.DateTimeFormatOptions, month: number, day: number): string =>
  new Intl.DateTimeFormat(LOCALE, { ...style, timeZone: "UTC" }).format(Date.UTC(2025, month, day));

const list = (words: readonly string[]): string => new Intl.ListFormat(LOCALE, { type: "conjunction" }).format(words);

const clock = (hour: number, minute: number): string => `${hour}:${String(minute).padStart(2, "0")}`;

/** Return the numbers of a field of lists, ranges, steps and names in ascending order; null if it has anything else. */
function numbersOf(field: string, low: number, high: number, names: readonly string[] = []): number[] | null {
  const found = new Set<number>();
  for (const part of field.toUpperCase().split(",")) {
    const match = /^(?:\*|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part);
    if (!match) return null;
    const [, first, last, step] = match;
    const from = first === undefined ? low : numberOf(first, names);
    const open = first === undefined || (last === undefined && step !== undefined);
    const to = open ? high : numberOf(last ?? first ?? "", names);
    if (!(from >= low && to <= high && from <= to) || step === "0") return null;
    for (let each = from; each <= to; each += Number(step ?? 1)) found.add(each);
  }
  return [...found].sort((a, b) => a - b);
}

/** Return the number of a text of digits or of a name; otherwise NaN, which is in no range. */
function numberOf(text: string, names: readonly string[]): number {
  const place = names.indexOf(text);
  if (place >= 0 && text) return place;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
