import { expect, test } from "vitest";
import type { Reference } from "../src/api/references";
import { affectedBy } from "../src/references/affected";

const flow = (path: string, distance: number, more: Partial<Reference> = {}): Reference => ({
  kind: "flow",
  path,
  distance,
  runs: 0,
  ...more,
});
const through = (path: string) => ({ kind: "flow" as const, path });

test("items that are pinned, or use the item through a pinned one, are not affected", () => {
  const references = [
    flow("f/a", 1, { node: "new" }),
    flow("f/a", 1, { node: "old", pinned: "1" }),
    flow("f/b", 1, { pinned: "1" }),
    flow("f/c", 2, { through: through("f/a") }),
    flow("f/d", 2, { through: through("f/b") }),
    flow("f/e", 2),
    flow("f/g", 3, { through: through("f/d") }),
  ];
  expect(affectedBy(references).map(({ path, node }) => node ?? path)).toEqual(["new", "f/c", "f/e"]);
});
