import { expect, test } from "vitest";
import { CATALOG } from "../src/workflow/catalog";
import type { Model } from "../src/workflow/commands";
import { outline } from "../src/workflow/outline";
import { isReplaceable, replaceNode } from "../src/workflow/replace";
import { editSource, parseSource } from "../src/workflow/source";
import { at } from "../src/workflow/types";

const TEXT = `value:
  modules:
    - {id: a, value: {type: identity}}
    - {id: b, needs: [a], summary: Large, timeout: 5, value: {type: condition, expr: results.a > 1}}
    - id: c
      needs: [{node: b, on: "true"}, {node: a, on: failure}]
      value: {type: rawscript, language: bash, content: echo, input_transforms: {x: {type: javascript, expr: results.a}}}
    - {id: d, needs: [{node: b, on: "false"}], value: {type: identity}}
    - {id: each, needs: [d], value: {type: forloopflow, iterator: {expr: "[1]"}, modules: [{id: f, value: {type: identity}}]}}
`;
const entry = (key: string) => CATALOG.find((each) => each.key === key) as (typeof CATALOG)[number];
const model = (text: string): Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};
const replaced = (id: string, key: string) => replaceNode(model(TEXT), id, entry(key)).edits.reduce(editSource, TEXT);
const edges = (text: string) => model(text).graph.main.edges.map((edge) => `${edge.from}-${edge.on}-${edge.to}`);

test("a replaced node keeps its id, edges, summary, settings and inputs", () => {
  const tree = model(replaced("c", "python3")).tree;
  expect(at(tree, ["value", "modules", 2])).toMatchObject({
    id: "c",
    needs: [
      { node: "b", on: "true" },
      { node: "a", on: "failure" },
    ],
    value: { type: "rawscript", language: "python3", input_transforms: { x: { expr: "results.a" } } },
  });
  expect(at(model(replaced("b", "python3")).tree, ["value", "modules", 1])).toMatchObject({
    summary: "Large",
    timeout: 5,
  });
});

test("edges with an outcome that the new kind does not have become success edges", () => {
  expect(edges(replaced("b", "python3"))).toEqual([
    "a-success-b",
    "b-success-c",
    "a-failure-c",
    "b-success-d",
    "d-success-each",
  ]);
});

test("success edges of a node that becomes a condition are taken if it is true", () => {
  expect(edges(replaced("a", "condition"))).toContain("a-true-b");
});

test("a node with nodes inside cannot be replaced", () => {
  expect(isReplaceable(model(TEXT).graph.byId.get("each"))).toBe(false);
  expect(() => replaced("each", "python3")).toThrow("each has nodes inside");
});

test("a node that becomes a loop gets a node inside with a free id", () => {
  const made = model(replaced("d", "forloopflow"));
  expect(made.graph.byId.get("d")?.lanes[0]?.nodes.map((node) => node.id)).toEqual(["item"]);
});
