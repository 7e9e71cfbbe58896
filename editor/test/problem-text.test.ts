import { expect, test } from "vitest";
import { describeByCode, problemText } from "../src/workflow/problem-text";

test("problems are sentences without their node", () => {
  expect(problemText("node price: it names no script to run")).toBe("It names no script to run");
  expect(problemText("the schema is not valid: node: is missing")).toBe("The schema is not valid: node: is missing");
  const missing = "results.eech in /value/modules/2/value/expr is always null: eech is not a node of this workflow";
  expect(problemText(missing)).toBe("results.eech is always null: eech is not a node of this workflow");
});

test("problems are described by their code, with values of the document", () => {
  const tree = { value: { modules: [{ id: "a", needs: ["nowhere", { node: "gone" }] }] } };
  const describe = (code: string, path: string, message = "in English") =>
    describeByCode({ code, path, message }, tree);
  expect(describe("unknown_node", "/value/modules/0/needs/0")).toBe("“nowhere” is not a node of this workflow");
  expect(describe("unknown_node", "/value/modules/0/needs/1")).toBe("“gone” is not a node of this workflow");
  expect(describe("missing_input", "/value/modules/0/value/input_transforms/a~1b")).toContain("“a/b”");
  // A message with details is shown as well; one of an admin's policy, or of a newer server, is shown alone.
  expect(describe("expression_syntax", "", "node a: unexpected token")).toContain("(Unexpected token)");
  expect(describe("policy_violation", "")).toBe("in English");
});
