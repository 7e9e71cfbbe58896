import { expect, test } from "vitest";
import { applyChange, type Model } from "../src/workflow/commands";
import { fixesOf } from "../src/workflow/fixes";
import { outline } from "../src/workflow/outline";
import { parseSource } from "../src/workflow/source";
import { at } from "../src/workflow/types";

const ITEM = "input_transforms: {order: {type: javascript, expr: flow_input.iter.value}}";
const TEXT = `value:
  modules:
    - id: orders
      value: {type: forloopflow, iterator: {type: static, value: [1]}, modules: [{id: inside, value: {type: identity}}]}
    - {id: charge, value: {type: script, path: f/shop/charge, ${ITEM}}}
    - {id: last, value: {type: identity}}
    - {id: count, value: {type: whileloopflow, modules: []}}
`;
const INPUT = ["value", "modules", 1, "value", "input_transforms", "order"];

const model = (text: string): Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};

test("a node that reads the item of a loop outside of it is moved into a loop, or the input is cleared", () => {
  const before = model(TEXT);
  const problem = { code: "iter_outside_loop", node: "charge", path: `/${[...INPUT, "expr"].join("/")}` };
  const [move, clear, ...others] = fixesOf(before, problem);
  if (!move || !clear) throw new Error("no fix");
  expect(others).toEqual([]);
  const moved = outline(applyChange(before.tree, move.change(before)));
  expect(moved.main.nodes.map((node) => node.id)).toEqual(["orders", "last", "count"]);
  expect(moved.byId.get("orders")?.lanes[0]?.nodes.map((node) => node.id)).toEqual(["inside", "charge"]);
  const cleared = applyChange(before.tree, clear.change(before));
  expect(at(cleared, INPUT)).toEqual({ type: "static", value: "" });
  // Other expressions than inputs have no empty value.
  const skipped = fixesOf(before, { ...problem, path: "/value/modules/1/skip_if/expr" });
  expect(skipped.map((fix) => fix.label)).toEqual([move.label]);
});
