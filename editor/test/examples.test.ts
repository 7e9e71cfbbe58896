import { expect, test } from "vitest";
import { CATALOG } from "../src/workflow/catalog";
import { addNode, applyChange } from "../src/workflow/commands";
import { sampleInput } from "../src/workflow/example";
import { exampleProblems } from "../src/workflow/examples";
import { outline } from "../src/workflow/outline";
import { at, type Json } from "../src/workflow/types";

const modelOf = (tree: Json) => ({ tree, graph: outline(tree) });
const problemsOf = (value: Json) =>
  exampleProblems(modelOf({ value: { modules: [{ id: "a", value }] } })).map(({ node, path }) => [node, path]);

test("each example in a new node is a warning at its field", () => {
  const empty = modelOf({ value: { modules: [] } });
  const warned = CATALOG.flatMap((entry) => {
    const tree = applyChange(empty.tree, addNode(empty, { lane: empty.graph.main, start: true }, entry));
    return exampleProblems(modelOf(tree)).map(({ path, message }) => {
      expect(message).toContain("only an example");
      expect(
        at(
          tree,
          path
            .split("/")
            .slice(1)
            .map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
        ),
      ).toBeDefined();
      return entry.key;
    });
  });
  expect(warned).toEqual(["condition", "branchone", "forloopflow", "whileloopflow"]);
});

test("values that replace the examples are no problems", () => {
  expect(problemsOf({ type: "condition", expr: "flow_input.go" })).toEqual([]);
  expect(problemsOf({ type: "forloopflow", iterator: { type: "static", value: [1, 2, 3] }, modules: [] })).toEqual([]);
  expect(
    problemsOf({ type: "branchone", branches: [{ expr: "flow_input.go" }, { expr: "true" }], default: [] }),
  ).toEqual([["a", "/value/modules/0/value/branches/1/expr"]]);
});

test("an input for a call has the required fields of the schema, or is its own example", () => {
  const schema = {
    required: ["amount", "day", "kind", "customer", "lines", "note"],
    properties: {
      amount: { type: "integer", minimum: 10 },
      day: { type: "string", format: "date" },
      kind: { enum: ["new", "old"] },
      customer: { type: "object", required: ["name"], properties: { name: { type: ["null", "string"] }, vip: {} } },
      lines: { type: "array" },
      note: { type: "string", default: "none" },
      optional: { type: "string" },
    },
  };
  expect(sampleInput(schema)).toEqual({
    ...{ amount: 10, day: "2030-01-31", kind: "new", customer: { name: "text" }, lines: [], note: "none" },
  });
  expect(sampleInput({ ...schema, examples: [{ amount: 12 }] })).toEqual({ amount: 12 });
  expect(sampleInput(undefined)).toEqual({});
});
