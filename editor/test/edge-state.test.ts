import { expect, test } from "vitest";
import { edgeStateOf } from "../src/editor/edge-state";
import type { Editor } from "../src/editor/store";
import { outline } from "../src/workflow/outline";
import type { Json } from "../src/workflow/types";

const identity = (id: string, needs: Json[] = []) => ({ id, needs, value: { type: "identity" } });
const modules = [
  { id: "check", value: { type: "condition", expr: "true" } },
  identity("big", [{ node: "check", on: "true" }]),
  identity("small", [{ node: "check", on: "false" }]),
  identity("both", ["big", "small"]),
  identity("mend", [{ node: "both", on: "failure" }]),
  identity("either", [
    { node: "check", on: "true" },
    { node: "both", on: "success" },
  ]),
];
const graph = outline({
  value: { modules: [{ id: "each", value: { type: "forloopflow", modules } }, identity("after", ["each"])] },
});
type Counts = Record<string, Record<string, number>>;

function taken(counts: Counts, shown: Record<string, string> = {}, top: unknown[] = []): string[] {
  const live = {
    graph: { taken: top, dead: [] },
    nodes: Object.fromEntries(Object.entries(counts).map(([id, counts]) => [id, { status: "succeeded", counts }])),
  };
  const nodes = Object.fromEntries(Object.entries(shown).map(([id, status]) => [id, { status }]));
  const shownIterations = Object.keys(shown).length > 0 ? { each: { place: 1, job: "j", body: null, nodes } } : {};
  const editor = { live, graph, shownIterations } as unknown as Editor;
  const lanes = [graph.main, ...(graph.byId.get("each")?.lanes ?? [])];
  return lanes
    .flatMap(({ edges }) => edges)
    .filter((edge) => edgeStateOf(editor, edge) === "taken")
    .map(({ from, to, on }) => `${from} ${to} ${on}`);
}

test("edges in a loop are taken if an iteration took them", () => {
  expect(taken({ check: { succeeded: 3 }, big: { succeeded: 2 } })).toEqual(["check big true"]);
  expect(
    taken({ check: { succeeded: 3 }, big: { succeeded: 2 }, small: { succeeded: 1 }, both: { running: 1 } }),
  ).toEqual(["check big true", "check small false", "big both success", "small both success"]);
  expect(taken({ check: { succeeded: 3 }, both: { failed: 1 }, mend: { queued: 1 } })).toEqual(["both mend failure"]);
});

test("an edge is not taken if its source did not end so, or its target did not start", () => {
  expect(taken({ both: { succeeded: 2 }, mend: { succeeded: 1 } })).toEqual([]);
  expect(taken({ big: { running: 1 }, both: { succeeded: 1 } })).toEqual([]);
  expect(taken({ check: { succeeded: 3 }, big: { succeeded: 0 } })).toEqual([]);
});

test("the outcome of a condition is unknown if another edge leads to the target", () => {
  const counts = { check: { succeeded: 1 }, both: { succeeded: 1 }, either: { succeeded: 1 } };
  expect(taken(counts)).toEqual(["both either success"]);
});

test("a shown iteration has its own edges; those of the top level are reported by the run", () => {
  const counts = { check: { succeeded: 3 }, big: { succeeded: 2 }, small: { succeeded: 1 } };
  const shown = { check: "succeeded", big: "skipped", small: "succeeded" };
  const edge = ["each", "after", "success"];
  expect(taken(counts, shown, [edge])).toEqual(["each after success", "check small false"]);
});
