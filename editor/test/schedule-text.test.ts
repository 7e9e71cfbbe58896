import { expect, it } from "vitest";
import { scheduleText, shortInZone } from "../src/triggers/times";

it("shows frequent schedules as phrases, with five or six fields, and others as cron expressions", () => {
  expect(scheduleText("0 0 8 * * *")).toBe("Every day at 8:00");
  expect(scheduleText("0 8  * * 1-5 ")).toBe("On weekdays at 8:00");
  expect(scheduleText("30 0 8 * * *")).toBe("30 0 8 * * *");
});

it("the next start has its zone, and seconds unless they are zero", () => {
  expect(shortInZone("2026-12-02T07:00:00Z", "Europe/Berlin")).toMatch(/^2 Dec(ember)?, 08:00 (CET|GMT\+1)$/);
  expect(shortInZone("2026-12-02T07:00:05Z", "UTC")).toMatch(/07:00:05 UTC$/);
});
