import { expect, it } from "vitest";
import { scheduleText } from "../src/triggers/times";

it("shows frequent schedules as phrases, with five or six fields, and others as cron expressions", () => {
  expect(scheduleText("0 0 8 * * *")).toBe("Every day at 8:00");
  expect(scheduleText("0 8  * * 1-5 ")).toBe("On weekdays at 8:00");
  expect(scheduleText("30 0 8 * * *")).toBe("30 0 8 * * *");
});
