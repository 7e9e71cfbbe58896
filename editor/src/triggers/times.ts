/** "Fri 27 Nov, 08:00:00", in an IANA zone. */
export function formatInZone(iso: string, timeZone: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(new Date(iso));
}

/** The reader's own zone. */
export const localTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export const zones = (): string[] => ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** Times that are asked for often, as cron expressions with seconds. */
export const PRESETS: [string, string][] = [
  ["Every day at 8:00", "0 0 8 * * *"],
  ["On working days at 8:00", "0 0 8 * * 1-5"],
  ["Every Monday at 8:00", "0 0 8 * * 1"],
  ["On the first of the month at 6:00", "0 0 6 1 * *"],
  ["Every hour", "0 0 * * * *"],
  ["Every 15 minutes", "0 */15 * * * *"],
];
