import { LOCALE } from "../texts/language";
import { t } from "../texts/triggers";
import { cronText } from "./cron-text";

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

/** Format a time such as "27 Nov, 08:00 CET" in an IANA zone, with its name, and with seconds unless they are zero. */
export function shortInZone(iso: string, timeZone: string): string {
  const at = new Date(iso);
  return new Intl.DateTimeFormat(LOCALE, {
    timeZone,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: at.getUTCSeconds() === 0 ? undefined : "2-digit",
    timeZoneName: "short",
  }).format(at);
}

/** Phrases of frequent schedules, and their cron expressions with seconds. */
export const PRESETS: [string, string][] = [
  [t("triggers.daily"), "0 0 8 * * *"],
  [t("triggers.weekdays"), "0 0 8 * * 1-5"],
  [t("triggers.weekly"), "0 0 8 * * 1"],
  [t("triggers.monthly"), "0 0 6 1 * *"],
  [t("triggers.hourly"), "0 0 * * * *"],
  [t("triggers.quarterHourly"), "0 */15 * * * *"],
];

/** Return the frequent schedule of a cron expression with five or six fields. */
export function presetOf(cron: string): [string, string] | undefined {
  const fields = cron.trim().split(/\s+/);
  const whole = (fields.length === 5 ? ["0", ...fields] : fields).join(" ");
  return PRESETS.find(([, each]) => each === whole);
}

/** Return a phrase for a cron expression, such as "Every day at 8:00"; the expression itself if no phrase says it exactly. */
export const scheduleText = (cron: string): string => presetOf(cron)?.[0] ?? cronText(cron) ?? cron;
