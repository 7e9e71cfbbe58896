import { expect, test } from "vitest";
import type { Editor } from "../src/editor/store";
import { conditionEndsOf } from "../src/runs/data/condition-ends";
import { outline } from "../src/workflow/outline";
import type { Json } from "../src/workflow/types";

const identity = (id: string, needs: Json[] = []): Json => ({ id, needs, value: { type: "identity" } });
const condition = (id: string, needs: Json[] = []): Json => ({ id, needs, value: { type: "condition", expr: "true" } });
type Counts = Record<string, Record<string, number>>;

function ends(modules: Json[], succeeded: number, counts: Counts, shown?: Record<string, string>) {
  const graph = outline({ value: { modules: [{ id: "each", value: { type: "forloopflow", modules } }] } });
  const nodes: Record<string, unknown> = { each: { bodies: { succeeded } } };
  for (const [id, each] of Object.entries(counts)) nodes[id] = { counts: each };
  const states = Object.fromEntries(Object.entries(shown ?? {}).map(([id, status]) => [id, { status }]));
  const shownIterations = shown ? { each: { place: 1, body: { status: "succeeded" }, nodes: states } } : {};
  return conditionEndsOf({ live: { nodes }, graph, shownIterations } as unknown as Editor, "each");
}

const CHAIN = [condition("check"), identity("big", [{ node: "check", on: "true" }]), identity("last", ["big"])];

test("iterations without an output ended at the condition that no node followed", () => {
  const counts = { check: { succeeded: 5 }, big: { succeeded: 3 }, last: { succeeded: 3 } };
  expect(ends(CHAIN, 5, counts)).toEqual([{ condition: "check", count: 2, total: 5 }]);
  expect(ends(CHAIN, 5, { ...counts, big: { succeeded: 5 } })).toEqual([]);
  const two = [
    CHAIN[0],
    condition("more", [{ node: "check", on: "true" }]),
    identity("last", [{ node: "more", on: "true" }]),
  ];
  const of = ends(two as Json[], 5, { check: { succeeded: 5 }, more: { succeeded: 3 }, last: { succeeded: 1 } });
  expect(of.map(({ condition, count }) => [condition, count])).toEqual([
    ["check", 2],
    ["more", 2],
  ]);
});

test("a shown iteration ended at a condition if all nodes after it were skipped", () => {
  const skipped = { check: "succeeded", big: "skipped", last: "skipped" };
  expect(ends(CHAIN, 5, {}, skipped)).toEqual([{ condition: "check", count: 1, total: null }]);
  expect(ends(CHAIN, 5, {}, { check: "succeeded", big: "succeeded", last: "succeeded" })).toEqual([]);
});

test("a condition that a node followed each time, or that is the last node, is not named", () => {
  const both = [
    condition("check"),
    identity("yes", [{ node: "check", on: "true" }]),
    identity("no", [{ node: "check", on: "false" }]),
  ];
  expect(ends(both, 2, { check: { succeeded: 2 }, yes: { succeeded: 1 }, no: { succeeded: 1 } })).toEqual([]);
  expect(
    ends([identity("one"), condition("check", ["one"])], 2, { one: { succeeded: 2 }, check: { succeeded: 2 } }),
  ).toEqual([]);
});
