import { expect, test } from "vitest";
import { findInNodes } from "../src/workflow/find";
import { outline } from "../src/workflow/outline";
import { parseSource } from "../src/workflow/source";
import { withConnected } from "../src/workflow/traversal";

const tree = parseSource(`
value:
  modules:
    - {id: a, summary: Fetch the orders, value: {type: identity}}
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: results.a.Orders}
        modules:
          - {id: b, value: {type: rawscript, language: bash, content: "true\\necho orders | wc"}}
          - {id: c, value: {type: identity}}
    - {id: d, needs: [a], value: {type: identity}}
    - {id: e, needs: [each, d], value: {type: identity}}
`);
const graph = outline(tree);

test("a word is found in summaries, expressions and code, at the node that holds it", () => {
  expect(findInNodes(tree, graph, " ORDERS ")).toEqual([
    { id: "a", line: "Fetch the orders" },
    { id: "each", line: "results.a.Orders" },
    { id: "b", line: "echo orders | wc" },
  ]);
  expect(findInNodes(tree, graph, "")).toEqual([]);
  expect(findInNodes(tree, graph, "no such word")).toEqual([]);
});

test("what comes before and after is selected with a node, within its list", () => {
  expect(withConnected(graph, ["d"], "up").sort()).toEqual(["a", "d"]);
  expect(withConnected(graph, ["d"], "down").sort()).toEqual(["d", "e"]);
  expect(withConnected(graph, ["b"], "down")).toEqual(["b", "c"]);
  expect(withConnected(graph, ["e"], "up").sort()).toEqual(["a", "d", "e", "each"]);
});
