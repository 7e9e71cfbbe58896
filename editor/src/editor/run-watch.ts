import { fetchResult, type NodeState, type RunGraph, startFlow, startPreview } from "../api/runs";
import { follow, type LogPart } from "../api/stream";
import { ENDED } from "../lib/status";
import { laneOf, reaches } from "../workflow/commands";
import { pinOf } from "../workflow/pins";
import { at, isTree, type Tree } from "../workflow/types";
import { type Editor, type EditorStore, isChanged, type LiveRun } from "./store";

const MAX_LOG_LENGTH = 200_000;
let stop: () => void = () => {};
let testsStarted = 0;

/** Runs what is on the page, deployed or not, and shows it on the graph as it goes. */
export async function testWorkflow(store: EditorStore, args: Tree): Promise<void> {
  const editor = store.getState();
  store.setState({ args });
  const starting = isChanged(editor)
    ? startPreview(editor.workspace, editor.flow.path, at(editor.tree, ["value"]) ?? null, args)
    : startFlow(editor.workspace, editor.flow.path, args);
  await watchStarted(store, starting, null);
}

/**
 * Runs one node of the main list, or the box of the list that holds it. What comes before it gives its last result where
 * it has one and `again` does not name it, and is run where not; what is pinned answers with that.
 */
export async function testNode(store: EditorStore, id: string, args: Tree, rerun: "all" | Set<string>): Promise<void> {
  const { workspace, flow, tree, graph, results } = store.getState();
  store.setState({ args });
  const node = graph.byId.get(id);
  const value = at(tree, ["value"]);
  if (!node || !isTree(value)) return;
  let top = node;
  while (top.inside) top = graph.byId.get(top.inside) ?? top;
  const lane = laneOf(graph, top);
  const modules = lane.nodes
    .filter((each) => each.id === top.id || reaches(lane, each.id, top.id))
    .map((each) => {
      const module = at(tree, each.path) as Tree;
      if (each.id === top.id) return withoutMock(module);
      const known = rerun !== "all" && !rerun.has(each.id) && Object.hasOwn(results, each.id);
      if (!known || pinOf(module)?.enabled) return module;
      return { ...module, mock: { enabled: true, return_value: results[each.id] ?? null } };
    });
  const { failure_module: _, output: __, ...rest } = value;
  await watchStarted(store, startPreview(workspace, flow.path, { ...rest, modules }, args), top.id);
}

/** Watches a test once it has an id, unless another test was started in the meantime: the newest one is shown. */
async function watchStarted(store: EditorStore, starting: Promise<string>, only: string | null): Promise<void> {
  const number = ++testsStarted;
  const id = await starting;
  if (number === testsStarted) watchTest(store, id, only);
}

/** What is tested runs, whatever it is pinned to. */
function withoutMock({ mock: _, ...module }: Tree): Tree {
  return module;
}

/** Shows a test on the graph as it goes, with its logs, and keeps the results of its nodes. */
export function watchTest(store: EditorStore, id: string, only: string | null): void {
  stop();
  stop = followRun(store, id, only, {
    status: (graph) => fetchResults(store, graph),
    log: (parts) => {
      const { live } = store.getState();
      if (live?.id === id) store.setState({ live: { ...live, logs: withLogParts(live.logs, parts) } });
    },
  });
}

interface RunHandlers {
  status?: (graph: RunGraph) => void;
  log?: (parts: LogPart[]) => void;
}

/** Follows a run and keeps how it stands in the page's state; gives what ends that. `also`: what else hears of it. */
export function followRun(store: EditorStore, id: string, only: string | null, handlers: RunHandlers = {}): () => void {
  const { workspace, tree } = store.getState();
  const initial: LiveRun = { id, tree, status: "queued", connected: true, graph: null, nodes: {}, logs: {}, only };
  store.setState({ live: initial, shownIterations: {} });
  const update = (change: (live: LiveRun) => Partial<LiveRun>) => {
    const { live } = store.getState();
    if (live?.id === id) store.setState({ live: { ...live, ...change(live) } });
  };
  return follow(workspace, id, {
    connected: (heard) => update(() => ({ connected: heard })),
    status: (graph) => {
      update((live) => withStatus(live, graph));
      handlers.status?.(graph);
    },
    ...(handlers.log ? { log: handlers.log } : {}),
    end: (status) => update(() => ({ status })),
  });
}

function withStatus(live: LiveRun, update: RunGraph): Partial<LiveRun> {
  if (!update.part || !live.graph) return { graph: update, nodes: update.nodes, status: update.status };
  // A part tells only what has changed since.
  const graph = {
    ...update,
    taken: [...live.graph.taken, ...update.taken],
    dead: [...live.graph.dead, ...update.dead],
  };
  return { graph, nodes: { ...live.nodes, ...update.nodes }, status: update.status };
}

function withLogParts(logs: Record<string, string>, parts: LogPart[]): Record<string, string> {
  const made = { ...logs };
  for (const part of parts) made[part.node] = ((made[part.node] ?? "") + part.text).slice(-MAX_LOG_LENGTH);
  return made;
}

/** The results of nodes that have ended, each asked for once. */
function fetchResults(store: EditorStore, graph: RunGraph): void {
  const { workspace } = store.getState();
  for (const [id, node] of Object.entries(graph.nodes)) {
    if (node.status !== "succeeded" || !node.job || node.inside) continue;
    void fetchResult(workspace, node.job)
      .then((result) => store.setState(({ results }) => ({ results: { ...results, [id]: result } })))
      .catch(() => {});
  }
}

export const isRunOver = (live: LiveRun | null): boolean => live === null || ENDED.has(live.status);

/** How a node stands in what is shown: in the run, or in the iteration that was picked of the loop around it. */
export function nodeStateOf({ live, shownIterations, graph }: Editor, id: string): NodeState | undefined {
  const stands = live?.nodes[id];
  const inside = graph.byId.get(id)?.inside;
  const one = inside ? shownIterations[inside]?.nodes[id] : undefined;
  if (!stands || !one) return stands;
  // What all iterations took together is not what this one did.
  const { duration_ms: _, started_at: __, ...rest } = stands;
  return { ...rest, ...one };
}
