import { expect, it } from "vitest";
import { braceProblems } from "../src/workflow/braces";
import { outline } from "../src/workflow/outline";
import type { Json } from "../src/workflow/types";

const modelOf = (tree: Json) => ({ tree, graph: outline(tree) });

it("warns of expressions in double braces, at the innermost node", () => {
  const input = (expr: string) => ({ type: "javascript", expr });
  const item = {
    id: "item",
    value: { type: "rawscript", language: "bun", content: "", input_transforms: { n: input("{{ $json.n }}") } },
  };
  const each = {
    id: "each",
    value: { type: "forloopflow", iterator: input("[{a: {}}]"), skip_failures: false, modules: [item] },
  };
  const check = { id: "check", value: { type: "condition", expr: " {{ $json.total > 1000 }} " } };
  const found = braceProblems(modelOf({ value: { modules: [each, check] } }));
  expect(found.map(({ node, path }) => [node, path])).toEqual([
    ["item", "/value/modules/0/value/modules/0/value/input_transforms/n/expr"],
    ["check", "/value/modules/1/value/expr"],
  ]);
});
