import { LOCALE } from "../texts/language";
import { t } from "../texts/triggers";
/** Format a time such as "Fri 27 Nov, 08:00:00" in an IANA zone. */
export function formatInZone(iso: string, timeZone: string): string {
  return new Intl.DateTimeFormat(LOCALE, {
    timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(new Date(iso));
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
