import { expect, it } from "vitest";
import { triggerName } from "../src/runs/trigger-name";

it("names the kind of a trigger, and leaves the rest of it unchanged", () => {
  expect(triggerName("schedule f/sales/daily")).toBe("Schedule f/sales/daily");
  expect(triggerName("error_handler")).toBe("Error handler");
});
