import { expect, it } from "vitest";
import { scheduleText, shortInZone } from "../src/triggers/times";

it.each([
  ["0 0 8 * * *", "Every day at 8:00"],
  ["0 8  * * 1-5 ", "On weekdays at 8:00"],
  ["30 6 * * MON-FRI", "On weekdays at 6:30"],
  ["0 8,17 * * 1,4", "Every Monday and Thursday at 8:00 and 17:00"],
  ["0 8 * * 7", "Every Sunday at 8:00"],
  ["0 8 * * 0-7", "Every day at 8:00"],
  ["0 30 * * * *", "Every hour at minute 30"],
  ["0 */2 * * *", "Every 2 hours"],
  ["15 0/6 * * *", "Every day at 0:15, 6:15, 12:15 and 18:15"],
  ["*/5 * * * *", "Every 5 minutes"],
  ["0,20,40 * ? * ?", "Every 20 minutes"],
  ["* * * * *", "Every minute"],
  ["*/10 9-17 * * 1-5", "On weekdays, every 10 minutes from 9:00 to 17:50"],
  ["0 9-17 * * SAT", "Every Saturday, every hour from 9:00 to 17:00"],
  ["0 6 1,15 * *", "On days 1 and 15 of every month at 6:00"],
  ["0 6 1 1 *", "On day 1 of January at 6:00"],
  ["0 6 L * *", "On the last day of every month at 6:00"],
  ["0 6 * JUN-AUG MON", "Every Monday in June, July and August at 6:00"],
])("shows %s as the phrase %s", (cron, text) => {
  expect(scheduleText(cron)).toBe(text);
});

it.each([
  "30 0 8 * * *",
  "*/10 * * * * *",
  "0 8 1 * 1",
  "0 8 LW * *",
  "0 8 * * MON#2",
  "0 8 * * 5-1",
  "5,17 8 * * *",
  "*/7 * * * *",
  "*/15 8,17 * * *",
  "0 1,2,5,8,11 * * *",
  "0 24 * * *",
  "0 8 0 * *",
  "0 8 * 13 *",
  "0 8 * * FOO",
  "0 */0 * * *",
  "0 8 * *",
  "",
])("shows %s, which no phrase says exactly, as it is", (cron) => {
  expect(scheduleText(cron)).toBe(cron);
});

it("the next start has its zone, and seconds unless they are zero", () => {
  expect(shortInZone("2026-12-02T07:00:00Z", "Europe/Berlin")).toMatch(/^2 Dec(ember)?, 08:00 (CET|GMT\+1)$/);
  expect(shortInZone("2026-12-02T07:00:05Z", "UTC")).toMatch(/07:00:05 UTC$/);
});
