import { expect, test } from "vitest";
import { find } from "../src/workflow/find";
import { outline } from "../src/workflow/outline";
import { withStream } from "../src/workflow/select";
import { read } from "../src/workflow/source";

const tree = read(`
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
  expect(find(tree, graph, " ORDERS ")).toEqual([
    { id: "a", line: "Fetch the orders" },
    { id: "each", line: "results.a.Orders" },
    { id: "b", line: "echo orders | wc" },
  ]);
  expect(find(tree, graph, "")).toEqual([]);
  expect(find(tree, graph, "no such word")).toEqual([]);
});

test("what comes before and after is selected with a node, within its list", () => {
  expect(withStream(graph, ["d"], "up").sort()).toEqual(["a", "d"]);
  expect(withStream(graph, ["d"], "down").sort()).toEqual(["d", "e"]);
  expect(withStream(graph, ["b"], "down")).toEqual(["b", "c"]);
  expect(withStream(graph, ["e"], "up").sort()).toEqual(["a", "d", "e", "each"]);
});
