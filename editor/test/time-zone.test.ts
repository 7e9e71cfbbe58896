import { expect, test } from "vitest";
import { findTimeZone } from "../src/lib/time";

test.each([
  ["Europe/Berlin", "Europe/Berlin"],
  ["Berlin", "Europe/Berlin"],
  ["new york ", "America/New_York"],
  ["UTC", "UTC"],
  ["Nowhere", null],
  ["Europe", null],
  ["", null],
])("a time zone is found by %s", (typed, zone) => {
  expect(findTimeZone(typed)).toBe(zone);
});
