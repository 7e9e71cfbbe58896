import { describe, expect, it } from "vitest";
import type { TimedBody } from "../src/api/iterations";
import type { RunEvent } from "../src/api/run-events";
import { previewLines } from "../src/runs/restart/preview-lines";
import { type Row, rowsOf } from "../src/runs/timeline/rows";
import {
  attemptsOf,
  segmentPosition,
  ticks,
  timeSpent,
  trackOf,
  tracksOf,
  withEvents,
} from "../src/runs/timeline/tracks";
import { activeIndex } from "../src/runs/timeline/use-row-keys";
import { outline } from "../src/workflow/outline";

const at = (second: number) => new Date(second * 1000).toISOString();
const event = (second: number, kind: string, more: Partial<RunEvent> = {}): RunEvent => ({
  id: `${kind}${second}`,
  at: at(second),
  kind,
  text: "",
  node: "a",
  ...more,
});

const shown = (events: RunEvent[], node = "a") =>
  tracksOf(events)
    .get(node)
    ?.segments.map(({ kind, from, to }) => [kind, from / 1000, to === null ? null : to / 1000]);

describe("a track", () => {
  it("keeps waiting in the queue apart from running", () => {
    expect(shown([event(0, "queued"), event(2, "started"), event(5, "ended")])).toEqual([
      ["queued", 0, 2],
      ["running", 2, 5],
    ]);
    expect(shown([event(0, "queued")])).toEqual([["queued", 0, null]]);
  });

  it("ends with the event of its end, even if its start is recorded later", () => {
    expect(shown([event(2, "ended"), event(3, "started")])).toEqual([["running", 2, 2]]);
    expect(shown([event(0, "queued"), event(2, "ended"), event(2, "started")])).toEqual([
      ["queued", 0, 2],
      ["running", 2, 2],
    ]);
  });

  it("has its attempts with the waits between, their workers and how they ended", () => {
    const track = tracksOf([
      event(0, "queued", { job: "j" }),
      event(1, "started", { worker: "one" }),
      event(2, "attempt_ended", { attempt: 1, error: "Flaky" }),
      event(4, "started", { attempt: 2, worker: "two" }),
      event(9, "ended"),
    ]).get("a");
    expect(track?.segments.map((each) => [each.kind, each.attempt, each.worker, each.failed])).toEqual([
      ["queued", 1, null, false],
      ["running", 1, "one", true],
      ["waiting", 1, null, false],
      ["running", 2, "two", false],
    ]);
    if (!track) return;
    expect(attemptsOf(track).map((each) => each.segments.length)).toEqual([2, 2]);
    expect([timeSpent(track, "running", 0), timeSpent(track, "waiting", 0)]).toEqual([6000, 2000]);
  });

  it("waits for people, for a time, at a limit", () => {
    expect(shown([event(0, "approval_opened"), event(7, "ended")])).toEqual([["waiting", 0, 7]]);
    expect(shown([event(0, "limit"), event(2, "queued"), event(3, "started")])).toEqual([
      ["waiting", 0, 2],
      ["queued", 2, 3],
      ["running", 3, null],
    ]);
    expect(shown([event(0, "queued"), event(1, "started"), event(2, "ended"), event(2, "approval_opened")])).toEqual([
      ["queued", 0, 1],
      ["running", 1, 2],
      ["waiting", 2, null],
    ]);
  });

  it("whose beginning is told anew has one", () => {
    const first = [event(0, "queued"), event(1, "started", { id: "s" })];
    const all = withEvents(first, [event(2, "started", { id: "s" }), event(3, "ended")]);
    expect(shown(all)).toEqual([
      ["queued", 0, 2],
      ["running", 2, 3],
    ]);
  });
});

describe("the line of time", () => {
  it("has its segments inside", () => {
    expect(segmentPosition({ from: 5, to: 10 }, [0, 20])).toEqual({ x: 25, width: 25 });
    expect(segmentPosition({ from: -5, to: null }, [0, 20])).toEqual({ x: 0, width: 100 });
    expect(segmentPosition({ from: 0, to: 0 }, [0, 0])).toEqual({ x: 0, width: 0 });
  });

  it("has round marks", () => {
    expect(ticks(1000, 5)).toEqual([200, 400, 600, 800, 1000]);
    expect(ticks(7300, 4)).toEqual([2000, 4000, 6000]);
    expect(ticks(0, 4)).toEqual([]);
    const MINUTE = 60_000;
    expect(ticks(34.5 * MINUTE, 6)).toEqual([10 * MINUTE, 20 * MINUTE, 30 * MINUTE]);
    expect(ticks(50_000, 6)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000]);
    expect(ticks(6 * 60 * MINUTE, 6).length).toBe(6);
    expect(ticks(20 * 24 * 60 * MINUTE, 6)[0]).toBe(4 * 24 * 60 * MINUTE);
  });
});

describe("the keyboard focus", () => {
  const rows = (...keys: string[]) => keys.map((key) => ({ key, depth: 0, open: null }) as Row);

  it("starts on the first row", () => {
    expect(activeIndex(rows("a", "b"), null)).toBe(0);
  });

  it("stays on its row when a refetch adds rows above it", () => {
    expect(activeIndex(rows("new", "a", "b"), { key: "b", index: 1 })).toBe(2);
  });

  it("keeps its position when its row is removed", () => {
    expect(activeIndex(rows("a", "c"), { key: "b", index: 1 })).toBe(1);
    expect(activeIndex(rows("a"), { key: "c", index: 2 })).toBe(0);
  });
});

it("an approval in an iteration is shown as waiting for the time that it was open", () => {
  const body: TimedBody = {
    job: "j",
    kind: "approval",
    node: "ask",
    status: "succeeded",
    created_at: "2026-11-28T10:00:30Z",
    started_at: "2026-11-28T10:00:00Z",
    ended_at: "2026-11-28T10:00:30Z",
    worker: null,
  };
  const { segments } = trackOf(body);
  expect(segments.map(({ kind, from, to, why }) => [kind, (to ?? 0) - from, why])).toEqual([
    ["waiting", 30_000, "Approval"],
  ]);
});

describe("the order of nodes", () => {
  const module = (id: string, ...needs: string[]) => ({
    id,
    value: { type: "rawscript", language: "bash", content: "true" },
    needs,
  });
  // The list is not in the order of the edges.
  const graph = outline({
    value: {
      modules: [module("summary", "approval"), module("approval", "check"), module("check", "get"), module("get")],
    },
  });
  const rows = (events: RunEvent[], kept: string[] = []) =>
    rowsOf({
      graph,
      nodes: Object.fromEntries(kept.map((id) => [id, { status: "succeeded", kept: true }])),
      tracks: tracksOf(events),
      open: new Set(),
      insides: new Map(),
    }).map((row) => row.kind === "node" && row.id);

  it("is by start, then by the place in the graph", () => {
    const events = [
      event(0, "queued", { node: "get" }),
      event(3, "approval_opened", { node: "approval" }),
      event(3, "ended", { node: "check" }),
    ];
    expect(rows(events)).toEqual(["get", "check", "approval", "summary"]);
  });

  it("has reused nodes before those that start", () => {
    expect(rows([event(0, "queued", { node: "check" })], ["get"])).toEqual(["get", "check", "approval", "summary"]);
  });

  it("of a restart is that of the graph", () => {
    const preview = { again: ["summary", "approval"], kept: ["get"], skipped: ["check"] };
    expect(previewLines(preview, graph).map(({ id }) => id)).toEqual(["get", "check", "approval", "summary"]);
  });
});

it("a condition has the time at which it was decided", () => {
  expect(shown([event(3, "ended")])).toEqual([["running", 3, 3]]);
});

it("a loop does not run longer than the run, which starts with its first job", () => {
  const track = tracksOf([event(1, "started"), event(5, "ended")], 2000).get("a");
  expect(track?.segments.map(({ kind, from, to }) => [kind, from, to])).toEqual([
    ["queued", 1000, 2000],
    ["running", 2000, 5000],
  ]);
});
