import { expect, test } from "vitest";
import { resolveInputs } from "../src/workflow/resolved-inputs";

const RESULTS = { a: { "odd key": [1, { x: 2 }] }, b: null };

test.each([
  ["results.a", RESULTS.a],
  ['results.a["odd key"][1].x', 2],
  ["results['a']['odd key'][0]", 1],
  ["flow_input.name", "Ada"],
  ["results.b", null],
])("%s is read in place", (expr, value) => {
  expect(resolveInputs({ x: { type: "javascript", expr } }, { name: "Ada" }, RESULTS)).toEqual({ x: { value } });
});

test.each(["results.a + 1", "results.missing", "context.a", "[1]", "results.a.", ""])("%s is the server's", (expr) => {
  expect(resolveInputs({ x: { type: "javascript", expr } }, {}, RESULTS)).toEqual({ x: { expr } });
});

test("static values are as they stand", () => {
  expect(resolveInputs({ x: { type: "static", value: [1] }, y: { type: "static" } }, {}, {})).toEqual({
    x: { value: [1] },
    y: { value: null },
  });
  expect(resolveInputs(undefined, {}, {})).toEqual({});
});
