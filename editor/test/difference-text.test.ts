import { expect, test } from "vitest";
import type { NodeComparison } from "../src/api/comparison";
import { nodeDifferenceText } from "../src/runs/compare/difference-text";

const compared = (before: object, after: object) =>
  ({ id: "say", before, after, parts: ["status"] }) as unknown as NodeComparison;

test("a node that ran in more iterations with the same status differs in its iterations", () => {
  const status = { status: "succeeded" };
  expect(nodeDifferenceText(compared(status, status))).toBe("Number or status of iterations differs");
  expect(nodeDifferenceText(compared(status, { status: "failed" }))).toBe("Status Succeeded → Failed");
  const rejected = { status: "failed", error: "Rejected" };
  expect(nodeDifferenceText(compared(rejected, { ...rejected, error: "Timeout" }))).toBe("Error differs");
});
