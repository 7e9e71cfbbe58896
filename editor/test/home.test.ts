import { expect, test } from "vitest";
import { itemName } from "../src/items/listed-item";
import { listItems, undeployedDrafts } from "../src/workflows/items";

const FLOW = { path: "f/a/b", summary: "B", edited_at: "", edited_by: "", archived: false, version_id: 1 };
const DRAFT = { kind: "flow", path: "f/a/b", seq: 1, hash: "", created_at: "", edited_at: "" } as const;

const NEW = { ...DRAFT, base_version: null, newest_version: null };

test("a deployed workflow has one row while the list of drafts is older than the list of workflows", () => {
  expect(undeployedDrafts([FLOW], [NEW])).toEqual([]);
  const items = listItems([FLOW], [NEW], [], new Map());
  expect(items.map(({ path, deployed }) => [path, deployed])).toEqual([["f/a/b", true]]);
});

test("a draft of a workflow that was never deployed has a row of its own, by its name", () => {
  expect(undeployedDrafts([], [NEW])).toEqual([NEW]);
  const rows = (names: ReadonlyMap<string, string>) =>
    listItems([], [NEW], [NEW], names).map((item) => [itemName(item), item.path, item.draft]);
  expect(rows(new Map())).toEqual([["b", "f/a/b", "Draft, not deployed"]]);
  expect(rows(new Map([["f/a/b", "Orders"]]))).toEqual([["Orders", "f/a/b", "Draft, not deployed"]]);
});
