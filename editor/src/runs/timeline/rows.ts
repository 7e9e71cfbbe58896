import type { TimedBody } from "../../api/iterations";
import type { NodeState } from "../../api/runs";
import { graphOrder } from "../../workflow/graph-order";
import { isLoop } from "../../workflow/kinds";
import type { Node, Outline } from "../../workflow/outline";
import type { Iteration } from "../selection";
import { attemptsOf, type Track } from "./tracks";

export const PAGE = 100;

/** Content of an open row: the iterations of a loop in it, or its nodes if `loop` is null. */
export interface Inner {
  loop: string | null;
}

/**
 * Row of the timeline. `key` is stable; `open` is null for a row without content. `iteration`: of a loop of the top level,
 * fetched by pages; `nested`: of a loop inside another. `at`: the iterations around, and that of the row.
 */
export type Row = { key: string; depth: number; open: boolean | null } & (
  | { kind: "node"; id: string; status: string; track: Track | undefined }
  | { kind: "attempt"; id: string; status: string; track: Track; attempt: number }
  | { kind: "iteration"; loop: string; place: number; at: readonly Iteration[]; inner: Inner | null }
  | { kind: "nested"; loop: string; place: number; at: readonly Iteration[]; inner: Inner | null; body: TimedBody }
  | { kind: "inside"; id: string; at: readonly Iteration[]; inner: Inner | null; body: TimedBody }
);

export interface TimelineData {
  graph: Outline;
  nodes: Record<string, NodeState>;
  tracks: Map<string, Track>;
  open: ReadonlySet<string>;
  /** Content of open rows by their keys. */
  insides: ReadonlyMap<string, readonly TimedBody[]>;
}

/** Fetched iterations by loop and page (from 1). */
export type Pages = ReadonlyMap<string, readonly TimedBody[]>;

/** A page of the iterations of a loop, counted from 1. */
export interface Page {
  loop: string;
  page: number;
}

/** Open row `key` of a job: the iterations of the loop in it, or its nodes if `loop` is null. */
export interface OpenRow {
  key: string;
  job: string;
  loop: string | null;
}

export const pageKey = (loop: string, page: number): string => `${loop} ${page}`;

/** Return the number of iterations or branches that have started. */
export function iterationCount(state: NodeState | undefined): number {
  const bodies = state?.bodies;
  if (!bodies || bodies.run) return 0;
  return (bodies.running ?? 0) + (bodies.succeeded ?? 0) + (bodies.failed ?? 0) + (bodies.cancelled ?? 0);
}

/**
 * Return all rows: reused nodes, then started ones by their starts, then the others; each by the place in the graph.
 * Content follows its open row.
 */
export function rowsOf(data: TimelineData): Row[] {
  const order = graphOrder(data.graph);
  const place = (id: string) => order.get(id) ?? order.size;
  const start = (id: string) => {
    const first = data.tracks.get(id)?.segments[0];
    if (first) return first.from;
    return data.nodes[id]?.kept ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  };
  const top = new Set([...order.keys(), ...data.tracks.keys()].filter((id) => !data.graph.byId.get(id)?.inside));
  const rows: Row[] = [];
  for (const id of [...top].sort((one, other) => compare(start(one), start(other)) || place(one) - place(other)))
    addNode(rows, data, id);
  return rows;
}

/** Compare numbers that may be infinite. */
const compare = (one: number, other: number) => (one < other ? -1 : one > other ? 1 : 0);

function addNode(rows: Row[], known: TimelineData, id: string): void {
  const state = known.nodes[id];
  const track = known.tracks.get(id);
  const count = iterationCount(state);
  const attempts = track && count === 0 ? attemptsOf(track) : [];
  const holds = count > 0 || attempts.length > 1;
  const key = `node ${id}`;
  const open = holds ? known.open.has(key) : null;
  const status = state?.status ?? "pending";
  rows.push({ key, depth: 0, kind: "node", id, status, track, open });
  if (!open) return;
  for (const [each, part] of attempts.entries()) {
    const run = part.segments.at(-1);
    const ended = each < attempts.length - 1 ? "failed" : status;
    const attempt = run?.kind === "running" ? run.attempt : each + 1;
    rows.push({
      key: `${key} ${each}`,
      depth: 1,
      kind: "attempt",
      id,
      status: ended,
      track: part,
      attempt,
      open: null,
    });
  }
  for (let place = 1; place <= count; place++) addIteration(rows, known, known.graph.byId.get(id), id, place);
}

function addIteration(rows: Row[], known: TimelineData, node: Node | undefined, loop: string, place: number): void {
  const [key, inner, at] = [`iteration ${loop} ${place}`, innerOf(node, place), [{ loop, place }]];
  const open = inner && known.open.has(key);
  rows.push({ key, depth: 1, kind: "iteration", loop, place, at, inner, open });
  if (inner && open) addInner(rows, known, { key, depth: 2, at, inner });
}

/** Return the content of an iteration or branch: its nodes, or the iterations of its only node; null if it is one job. */
function innerOf(node: Node | undefined, place: number): Inner | null {
  const lane = node && node.lanes.length > 1 ? node.lanes[place - 1] : node?.lanes[0];
  const [only] = lane?.nodes ?? [];
  if ((lane?.nodes.length ?? 0) > 1) return { loop: null };
  return only && only.lanes.length > 0 ? { loop: only.id } : null;
}

interface OpenContainer {
  key: string;
  depth: number;
  at: readonly Iteration[];
  inner: Inner;
}

function addInner(
  rows: Row[],
  known: TimelineData,
  { key: around, depth, at: outer, inner: { loop } }: OpenContainer,
): void {
  const found = known.insides.get(around) ?? [];
  for (const [n, body] of (loop === null ? inQueueOrder(known, found) : found).entries()) {
    const id = loop ?? body.node;
    const node = id === null ? undefined : known.graph.byId.get(id);
    if (id === null || !node) continue;
    const key = `${around} ${body.job}`;
    const at = loop !== null && isLoop(node.kind) ? [...outer, { loop, place: n + 1 }] : outer;
    const inner = loop !== null ? innerOf(node, n + 1) : node.lanes.length > 0 ? { loop: id } : null;
    const open = inner && known.open.has(key);
    const common = { key, depth, at, inner, open, body };
    rows.push(loop !== null ? { ...common, kind: "nested", loop, place: n + 1 } : { ...common, kind: "inside", id });
    if (inner && open) addInner(rows, known, { key, depth: depth + 1, at, inner });
  }
}

/** Sort by the time of queueing, then by the order in the workflow. */
function inQueueOrder({ graph }: TimelineData, found: readonly TimedBody[]): TimedBody[] {
  const order = graphOrder(graph);
  const place = ({ node }: TimedBody) => order.get(node ?? "") ?? 0;
  return [...found].sort(
    (one, other) => Date.parse(one.created_at) - Date.parse(other.created_at) || place(one) - place(other),
  );
}

/** Return the iteration of a row; undefined if it is not fetched. */
export function bodyOf(row: Row, pages: Pages): TimedBody | undefined {
  if (row.kind === "inside" || row.kind === "nested") return row.body;
  if (row.kind !== "iteration") return undefined;
  const page = Math.ceil(row.place / PAGE);
  return pages.get(pageKey(row.loop, page))?.[row.place - 1 - (page - 1) * PAGE];
}
