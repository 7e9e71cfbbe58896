import { expect, test } from "vitest";
import { outline } from "../src/workflow/outline";
import { describeInputs, inputsToRepeat, iterationsAround } from "../src/workflow/received-inputs";

const TRANSFORMS = {
  fixed: { type: "static", value: 1 },
  total: { type: "javascript", expr: " results.a.price * 2 " },
};

test("received values come with their expressions", () => {
  const found = describeInputs(TRANSFORMS, { inputs: { fixed: 1, total: 20 }, unknown: [] });
  expect(found.values).toEqual({ fixed: 1, total: 20 });
  expect(found.expressions).toEqual([{ name: "total", expr: "results.a.price * 2", unknown: false }]);
});

test("an expression is unknown if the server does not know its value, or nothing was received", () => {
  const some = describeInputs(TRANSFORMS, { inputs: { fixed: 1 }, unknown: ["total"] });
  expect(some.expressions.map((each) => each.unknown)).toEqual([true]);
  const none = describeInputs(TRANSFORMS, null);
  expect([none.values, none.expressions[0]?.unknown, none.empty]).toEqual([null, true, false]);
  expect(describeInputs(undefined, null).empty).toBe(true);
});

test("iterations of the loops around a node are listed from the outside", () => {
  const inner = { id: "inner", value: { type: "forloopflow", modules: [{ id: "deep", value: { type: "identity" } }] } };
  const branch = { id: "branch", value: { type: "branchone", branches: [{ expr: "true", modules: [inner] }] } };
  const outer = { id: "outer", value: { type: "forloopflow", modules: [branch] } };
  const graph = outline({ value: { modules: [outer] } });
  const shown = { inner: { place: 4 }, outer: { place: 2 } };
  expect(iterationsAround(graph, "deep", shown)).toEqual([2, 4]);
  // Of a loop whose iterations are all shown, data of the first is shown.
  expect(iterationsAround(graph, "deep", { outer: { place: 2 } })).toEqual([2, 1]);
  expect(iterationsAround(graph, "outer", {})).toEqual([]);
});

test("the output of a preprocessor is not offered again where it would become a reference", () => {
  const inputs = {
    key: "$var:u/admin/key",
    deep: { list: [1, "$res:u/admin/db"] },
    text: "see $var:u/admin/key",
    n: 1,
  };
  expect(inputsToRepeat(inputs, true)).toEqual({ text: "see $var:u/admin/key", n: 1 });
  expect(inputsToRepeat(inputs, false)).toEqual(inputs);
});
