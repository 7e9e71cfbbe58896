import { LOCALE } from "../texts/language";
import { t } from "../texts/t";

const RELATIVE = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const ABSOLUTE = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "long" });
const SECONDS = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** Return a relative time such as "3 minutes ago", from ISO 8601 text and the time now in milliseconds. */
export function relative(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 5 ? t("lib.soon") : t("lib.justNow");
}

const PRECISE = new Intl.DateTimeFormat(LOCALE, {
  ...{ year: "numeric", month: "short", day: "numeric" },
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, timeZoneName: "short" },
});

/** Return date and time with milliseconds, from milliseconds since 1970, in the time zone of the browser. */
export function precise(at: number): string {
  return PRECISE.format(at);
}

/** Return date and time in the time zone of the browser. */
export function absolute(iso: string): string {
  return ABSOLUTE.format(new Date(iso));
}

const CLOCK = new Intl.DateTimeFormat(LOCALE, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** Return the time of day of `at`, in milliseconds since 1970: "14:03:07.250". */
export function clockTime(at: number): string {
  return CLOCK.format(at);
}

/** Return a duration such as "41 ms", "2.3 s", "4 min 10 s" or "2 h 5 min". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${SECONDS.format(ms / 1000)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Time zone of the browser. */
export const localTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Return whether the browser knows a time zone by this name. */
export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** Return the IANA time zone that a text names, for example by its city; null if there is none, or several. */
export function findTimeZone(typed: string): string | null {
  const name = typed.trim();
  if (isTimeZone(name)) return name;
  const wanted = name.toLowerCase().replaceAll(" ", "_");
  const found = timeZones().filter((zone) => zone.toLowerCase().split("/").includes(wanted));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Return the names of the IANA time zones, UTC first. */
export const timeZones = (): string[] => ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** Return the short names of the weekdays, Monday first. */
export function weekdays(): string[] {
  const format = new Intl.DateTimeFormat(LOCALE, { weekday: "short", timeZone: "UTC" });
  const monday = Date.UTC(2024, 0, 1);
  return Array.from({ length: 7 }, (_, day) => format.format(monday + day * 86_400_000));
}
