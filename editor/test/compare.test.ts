import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareGraphs, edgeKey } from "../src/workflow/compare";
import { type Lane, type Outline, outline } from "../src/workflow/outline";

const CASES = join(import.meta.dirname, "..", "..", "tests", "unit", "workflow", "diffs");
const cases = readdirSync(CASES).map((name) => [name, JSON.parse(readFileSync(join(CASES, name), "utf-8"))] as const);

const lanesOf = (graph: Outline): Lane[] => [graph.main, ...[...graph.byId.values()].flatMap((node) => node.lanes)];

test.each(cases)("%s: every node and edge of both sides stands once, and what differs is marked", (name, each) => {
  const [before, after] = [outline(each.before), outline(each.after)];
  const found = compareGraphs(before, after, each.difference);
  const lanes = lanesOf(found.graph);
  const shown = lanes.flatMap((lane) => lane.nodes.map((node) => node.id));
  expect(new Set(shown).size).toBe(shown.length);
  for (const id of after.byId.keys()) expect(found.graph.byId.has(id)).toBe(true);
  for (const { id } of each.difference.removed ?? []) expect(found.nodes.get(id)).toBe("removed");
  // Of a broken document the server may read a node that cannot be drawn.
  if (!name.includes("broken")) for (const id of found.nodes.keys()) expect(found.graph.byId.has(id)).toBe(true);
  const edges = lanes.flatMap((lane) => lane.edges.map(edgeKey));
  expect(new Set(edges).size).toBe(edges.length);
  for (const lane of lanesOf(after)) for (const edge of lane.edges) expect(edges).toContain(edgeKey(edge));
  const keys = lanes.map((lane) => lane.path.join("."));
  expect(new Set(keys).size).toBe(keys.length);
});

test("a node that is gone stands where it stood, with its edges", () => {
  const module = (id: string) => ({ id, value: { type: "identity" } });
  const before = outline({ value: { modules: ["a", "b", "c"].map(module) } });
  const after = outline({ value: { modules: ["a", "c"].map(module) } });
  const found = compareGraphs(before, after, {
    removed: [{ id: "b" }],
    edges_removed: [{ source: "a", target: "b", on: "success" }],
    edges_moved: [
      {
        before: { source: "b", target: "c", on: "success" },
        after: { source: "a", target: "c", on: "success" },
      },
    ],
  });
  expect(found.graph.main.nodes.map((node) => node.id)).toEqual(["a", "b", "c"]);
  expect(Object.fromEntries(found.edges)).toEqual({
    "a→b:success": "removed",
    "b→c:success": "removed",
    "a→c:success": "moved",
  });
});
