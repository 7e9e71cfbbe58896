import { describe, expect, it } from "vitest";
import { findJsonDifferences } from "../src/runs/compare/json-differences";

describe("differences", () => {
  it("are the deepest places at which two values are not the same", () => {
    const before = { same: [1, { a: 1 }], list: [1, 2], gone: true, "odd key": 1, kind: {} };
    const after = { same: [1, { a: 1 }], list: [1, 3, 4], "odd key": 2, kind: [], more: null };
    expect(findJsonDifferences(before, after, 100)).toEqual([
      { path: "list[1]", before: 2, after: 3 },
      { path: "list[2]", after: 4 },
      { path: "gone", before: true },
      { path: '["odd key"]', before: 1, after: 2 },
      { path: "kind", before: {}, after: [] },
      { path: "more", after: null },
    ]);
  });

  it("may be the whole, none, or too many", () => {
    expect(findJsonDifferences(1, "1", 9)).toEqual([{ path: "", before: 1, after: "1" }]);
    expect(findJsonDifferences({ a: [null] }, { a: [null] }, 9)).toEqual([]);
    expect(findJsonDifferences([1, 2, 3], [4, 5, 6], 2)).toHaveLength(2);
  });
});
