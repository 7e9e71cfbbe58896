import { LOCALE } from "../texts/language";
import { t } from "../texts/triggers";
/** Format a time such as "Fri 27 Nov, 08:00:00" in an IANA zone, with the year unless it is that of `now`. */
export function formatInZone(iso: string, timeZone: string, now = new Date()): string {
  const at = new Date(iso);
  const year = new Intl.DateTimeFormat(LOCALE, { timeZone, year: "numeric" });
  return new Intl.DateTimeFormat(LOCALE, {
    timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    year: year.format(at) === year.format(now) ? undefined : "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(at);
}

/** Frequent schedules, as cron expressions with seconds. */
export const PRESETS: [string, string][] = [
  [t("triggers.daily"), "0 0 8 * * *"],
  [t("triggers.weekdays"), "0 0 8 * * 1-5"],
  [t("triggers.weekly"), "0 0 8 * * 1"],
  [t("triggers.monthly"), "0 0 6 1 * *"],
  [t("triggers.hourly"), "0 0 * * * *"],
  [t("triggers.quarterHourly"), "0 */15 * * * *"],
];
