import { expect, test } from "vitest";
import { problemText } from "../src/workflow/problem-text";

test("problems are sentences without their node", () => {
  expect(problemText("node price: it names no script to run")).toBe("It names no script to run");
  expect(problemText("the schema is not valid: node: is missing")).toBe("The schema is not valid: node: is missing");
  const missing = "results.eech in /value/modules/2/value/expr is always null: eech is not a node of this workflow";
  expect(problemText(missing)).toBe("results.eech is always null: eech is not a node of this workflow");
});
