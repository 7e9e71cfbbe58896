import { expect, test, vi } from "vitest";
import type { NodeState, RunGraph } from "../src/api/runs";
import type { LiveRun } from "../src/editor/store";
import { outline } from "../src/workflow/outline";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { hasStarted, withStatus } = await import("../src/editor/run-watch");

const graph = outline({
  value: {
    modules: [
      { id: "one", value: { type: "identity" } },
      { id: "each", value: { type: "forloopflow", modules: [{ id: "inner", value: { type: "identity" } }] } },
    ],
  },
});
const started = (id: string, state: Partial<NodeState>) =>
  hasStarted({ live: { nodes: { [id]: state } } as unknown as LiveRun, graph }, id);

test("a node that runs or awaits a decision has started; one in a loop starts again", () => {
  for (const status of ["pending", "queued", "waiting", "paused"]) expect(started("one", { status })).toBe(false);
  for (const status of ["running", "succeeded", "failed"]) expect(started("one", { status })).toBe(true);
  expect(started("one", { status: "waiting", waits: [{ code: "approval" }] } as Partial<NodeState>)).toBe(true);
  expect(started("inner", { status: "succeeded" })).toBe(false);
});

test("a node in a loop that has ended does not start again", () => {
  const live = (status: string) => ({ nodes: { each: { status }, inner: { status: "failed" } } }) as unknown as LiveRun;
  expect(hasStarted({ live: live("running"), graph }, "inner")).toBe(false);
  expect(hasStarted({ live: live("succeeded"), graph }, "inner")).toBe(true);
});

test("nodes that return their last result in a test of one node are reused, without a duration", () => {
  const live = { reused: new Set(["one"]), nodes: {}, graph: null } as unknown as LiveRun;
  const nodes = {
    one: { status: "succeeded", duration_ms: 0 },
    each: { status: "succeeded", duration_ms: 5 },
  };
  const update = { status: "succeeded", nodes, taken: [], dead: [] } as unknown as RunGraph;
  expect(withStatus(live, update).nodes).toEqual({
    one: { status: "succeeded", kept: true },
    each: nodes.each,
  });
});
