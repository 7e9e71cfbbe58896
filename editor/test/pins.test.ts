import { expect, test } from "vitest";
import type { Model } from "../src/workflow/commands";
import { outline } from "../src/workflow/outline";
import { isPinned, pin, pinnedIn, pinOf, unpin, unpinAll } from "../src/workflow/pins";
import { editSource, parseSource } from "../src/workflow/source";
import { at } from "../src/workflow/types";

const TEXT = `value:
  modules:
    # Asks the shop.
    - id: fetch
      value: {type: identity}
    - id: next
      value: {type: identity}
`;

function model(text: string): Model {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
}

test("a pin is the document's own mock, and taken out again leaves the text as it was", () => {
  const pinned = pin(model(TEXT), "fetch", { total: 41, on: "yes" }).edits.reduce(editSource, TEXT);
  expect(isPinned(model(pinned), "fetch")).toBe(true);
  expect(isPinned(model(pinned), "next")).toBe(false);
  const node = at(parseSource(pinned), ["value", "modules", 0]);
  expect(node).toMatchObject({ mock: { enabled: true, return_value: { total: 41, on: "yes" } } });
  expect(pinned).toContain("# Asks the shop.");
  expect(unpin(model(pinned), "fetch").edits.reduce(editSource, pinned)).toBe(TEXT);
});

test("all pins go as one step", () => {
  const both = ["fetch", "next"].reduce((text, id) => pin(model(text), id, 1).edits.reduce(editSource, text), TEXT);
  expect(pinnedIn(model(both))).toEqual(["fetch", "next"]);
  const { name, edits } = unpinAll(model(both));
  expect([name, edits.reduce(editSource, both)]).toEqual(["Unpin all", TEXT]);
});

test("null is a result, and no result is none", () => {
  const pinned = pin(model(TEXT), "fetch", null).edits.reduce(editSource, TEXT);
  expect(pinOf(at(parseSource(pinned), ["value", "modules", 0]))).toEqual({ enabled: true, value: null });
  expect(() => pin(model(TEXT), "fetch", undefined)).toThrow("Test it first");
  expect(pinOf({ mock: { enabled: false, return_value: 1 } })).toEqual({ enabled: false, value: 1 });
  expect(pinOf({})).toBeNull();
});
