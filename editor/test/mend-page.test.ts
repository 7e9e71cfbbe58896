import { expect, test } from "vitest";
import { mendPage } from "../src/environments/mend-page";

function page(code: string, kind: string | null, path: string | null, type: string | null = null): string | null {
  return mendPage({ code, message: "", hint: null, kind, path, resource_type: type, values: {} }, "live", "dev");
}

test("values and conflicts are corrected in the environment", () => {
  expect(page("resource_type_differs", "resource", "f/a/b")).toBe("/w/live/settings/resources?q=f%2Fa%2Fb");
  expect(page("conflict", "script", "f/a/b")).toBe("/w/live/scripts/f/a/b");
});

test("missing values are created with their path and type", () => {
  const missing = page("resource_missing", "resource", "f/a/b", "postgresql");
  expect(missing).toBe("/w/live/settings/resources?new=f%2Fa%2Fb&type=postgresql");
  expect(page("variable_missing", "variable", "f/a/b")).toBe("/w/live/settings/variables?new=f%2Fa%2Fb");
});

test("tests, and items that need a new release, are corrected where the release was created", () => {
  expect(page("policy_violation", "flow", "f/a/b")).toBe("/w/dev/workflows/f/a/b");
  expect(page("queue_reserved", "script", "f/a/b")).toBe("/w/dev/scripts/f/a/b");
  expect(page("test_failed", "flow", "f/a/b")).toBe("/w/dev/workflows/f/a/b?view=tests");
});

test("a queue that no worker serves leads to the workers", () => {
  expect(page("queue_without_worker", "script", "f/a/b")).toBe("/w/live/workers");
});

test("an item without an active owner gets another one on the page of members", () => {
  expect(page("identity_disabled", "http_trigger", "f/a/b")).toBe("/w/live/settings/members");
});

test("an HTTP trigger, whose workflow is not known, has no page", () => {
  expect(page("conflict", "http_trigger", "f/a/b")).toBeNull();
});

test("rules that only time or people fulfil have no page", () => {
  expect(page("frozen_hours", null, null)).toBeNull();
});
