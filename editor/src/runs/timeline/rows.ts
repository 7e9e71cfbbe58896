import type { TimedBody } from "../../api/iterations";
import type { NodeStands } from "../../api/runs";
import type { Node, Outline } from "../../workflow/outline";
import { attemptsOf, type Track } from "./tracks";

export const PAGE = 100;

/** A line of the timeline. `key` names it for good; `open`: whether what it holds is shown, null where it holds nothing. */
export type Row = { key: string; depth: number; open: boolean | null } & (
  | { kind: "node"; id: string; status: string; track: Track | undefined }
  | { kind: "attempt"; id: string; status: string; track: Track; attempt: number }
  | { kind: "iteration"; loop: string; place: number }
  | { kind: "inside"; id: string; loop: string; place: number; body: TimedBody }
);

export interface Known {
  graph: Outline;
  nodes: Record<string, NodeStands>;
  tracks: Map<string, Track>;
  open: ReadonlySet<string>;
  /** What is in an iteration that is open, by the key of its line. */
  insides: ReadonlyMap<string, readonly TimedBody[]>;
}

/** Iterations by loop and page (from 1), as far as they were fetched. */
export type Pages = ReadonlyMap<string, readonly TimedBody[]>;

export const pageKey = (loop: string, page: number): string => `${loop} ${page}`;

/** How many iterations or branches a node has begun. */
export function begun(stands: NodeStands | undefined): number {
  const bodies = stands?.bodies;
  if (!bodies || bodies.run) return 0;
  return (bodies.running ?? 0) + (bodies.succeeded ?? 0) + (bodies.failed ?? 0) + (bodies.cancelled ?? 0);
}

/** All lines: nodes in the order in which they began, then those that have not; under what is open what it holds. */
export function rowsOf(known: Known): Row[] {
  const top = topOf(known.graph).filter((each) => !known.tracks.has(each));
  const rows: Row[] = [];
  for (const id of [...[...known.tracks.keys()].filter((each) => isTop(known, each)), ...top]) addNode(rows, known, id);
  return rows;
}

const isTop = ({ graph }: Known, id: string) => !graph.byId.get(id)?.inside;

function topOf(graph: Outline): string[] {
  return [graph.preprocessor, ...graph.main.nodes, graph.failure].flatMap((node) => (node ? [node.id] : []));
}

function addNode(rows: Row[], known: Known, id: string): void {
  const stands = known.nodes[id];
  const track = known.tracks.get(id);
  const count = begun(stands);
  const attempts = track && count === 0 ? attemptsOf(track) : [];
  const holds = count > 0 || attempts.length > 1;
  const key = `node ${id}`;
  const open = holds ? known.open.has(key) : null;
  const status = stands?.status ?? "pending";
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

function addIteration(rows: Row[], known: Known, node: Node | undefined, loop: string, place: number): void {
  const key = `iteration ${loop} ${place}`;
  const lane = node && node.lanes.length > 1 ? node.lanes[place - 1] : node?.lanes[0];
  const open = (lane?.nodes.length ?? 0) > 1 ? known.open.has(key) : null;
  rows.push({ key, depth: 1, kind: "iteration", loop, place, open });
  if (!open) return;
  for (const body of known.insides.get(key) ?? []) {
    if (body.node === null) continue;
    rows.push({ key: `${key} ${body.job}`, depth: 2, kind: "inside", id: body.node, loop, place, body, open: null });
  }
}

/** The iteration of a line, where it was fetched. */
export function bodyOf(row: Row, pages: Pages): TimedBody | undefined {
  if (row.kind === "inside") return row.body;
  if (row.kind !== "iteration") return undefined;
  const page = Math.ceil(row.place / PAGE);
  return pages.get(pageKey(row.loop, page))?.[row.place - 1 - (page - 1) * PAGE];
}
