import { expect, test } from "vitest";
import { outcomeName } from "../src/environments/outcome-name";

const OUTCOME = {
  kind: "workflow_tests",
  path: "f/a/b",
  passed: true,
  tests: 2,
  failed: [],
  message: null,
  message_code: null,
} as const;

test("a check is named by its kind and path", () => {
  expect(outcomeName({ ...OUTCOME, failed: [] })).toBe("f/a/b: 2 tests");
  expect(outcomeName({ ...OUTCOME, kind: "smoke_run", failed: [] })).toBe("Smoke run of f/a/b");
});

test("tests that could not be run at all are named without a path", () => {
  expect(outcomeName({ ...OUTCOME, path: "", passed: false, failed: [], message: "The release was deleted." })).toBe(
    "Workflow tests",
  );
});
