import { expect, test } from "vitest";
import { listItems } from "../src/workflows/items";

const FLOW = { path: "f/a/b", summary: "B", edited_at: "", edited_by: "", archived: false, version_id: 1 };
const DRAFT = { kind: "flow", path: "f/a/b", revision: 1, hash: "", created_at: "", edited_at: "" } as const;

test("a deployed workflow has one row while the list of drafts is older than the list of workflows", () => {
  const items = listItems([FLOW], [{ ...DRAFT, base_version: null, newest_version: null }], true);
  expect(items.map(({ path, deployed }) => [path, deployed])).toEqual([["f/a/b", true]]);
});

test("a draft of a workflow that was never deployed has a row of its own", () => {
  const items = listItems([], [{ ...DRAFT, base_version: null, newest_version: null }], true);
  expect(items.map(({ path, draft }) => [path, draft])).toEqual([["f/a/b", "Draft, not deployed"]]);
});
