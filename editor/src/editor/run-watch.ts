import { type DryRunOptions, startDryRun } from "../api/dry-runs";
import { fetchResult, type NodeState, type RunGraph, startFlow, startPreview } from "../api/runs";
import { follow, type LogPart } from "../api/stream";
import { ENDED } from "../lib/status";
import { laneOf, reaches } from "../workflow/commands";
import { isLoop } from "../workflow/kinds";
import { pinOf } from "../workflow/pins";
import { at, isTree, type Tree } from "../workflow/types";
import { type Editor, type EditorStore, endStepIn, isChanged, type LiveRun, type ShownRun } from "./store";
import { EMPTY_LOG, type TimedLog, withPart } from "./timed-log";

let stop: () => void = () => {};
let testsStarted = 0;

/** Run the text of the page, deployed or not, and show the run on the graph. */
export async function testWorkflow(store: EditorStore, args: Tree): Promise<void> {
  const editor = store.getState();
  store.setState({ args });
  const starting = isChanged(editor)
    ? startPreview(editor.workspace, editor.flow.path, at(editor.tree, ["value"]) ?? null, args)
    : startFlow(editor.workspace, editor.flow.path, args);
  await watchStarted(store, starting);
}

/** Start a dry run of the text of the page, deployed or not, and show it on the graph. */
export async function dryRunWorkflow(store: EditorStore, args: Tree, options: DryRunOptions): Promise<void> {
  const editor = store.getState();
  store.setState({ args });
  const value = isChanged(editor) ? (at(editor.tree, ["value"]) ?? null) : undefined;
  await watchStarted(store, startDryRun(editor.workspace, editor.flow.path, value, args, options), { dry: true });
}

/**
 * Run one node of the top level, or the container around it. Nodes before it return their last result, unless they have
 * none or `rerun` names them; then they run. Nodes with pinned output return that.
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
  const reused = new Set<string>();
  const modules = lane.nodes
    .filter((each) => each.id === top.id || reaches(lane, each.id, top.id))
    .map((each) => {
      const module = at(tree, each.path) as Tree;
      if (each.id === top.id) return withoutMock(module);
      const known = rerun !== "all" && !rerun.has(each.id) && Object.hasOwn(results, each.id);
      if (!known || pinOf(module)?.enabled) return module;
      reused.add(each.id);
      return { ...module, mock: { enabled: true, return_value: results[each.id] ?? null } };
    });
  const { failure_module: _, output: __, ...rest } = value;
  await watchStarted(store, startPreview(workspace, flow.path, { ...rest, modules }, args), { only: top.id, reused });
}

/** Show the output of the selected node, unless its logs are shown. */
export function showOutput(store: EditorStore): void {
  const { nodeTab } = store.getState();
  store.setState({ panel: "node", nodeTab: nodeTab === "logs" ? "logs" : "output" });
}

/** Watch a test once it has an id, unless a newer test was started in the meantime. */
async function watchStarted(store: EditorStore, starting: Promise<string>, test: TestKind = {}): Promise<void> {
  const number = ++testsStarted;
  endStepIn(store);
  store.setState({ starting: true });
  try {
    const id = await starting;
    if (number === testsStarted) watchTest(store, id, test);
  } finally {
    if (number === testsStarted) store.setState({ starting: false });
  }
}

/** Return a node without its pinned output, so that its test runs it. */
function withoutMock({ mock: _, ...module }: Tree): Tree {
  return module;
}

/** Kind of a test; that of a workflow by default. */
export type TestKind = Partial<Pick<LiveRun, "only" | "reused" | "dry">>;

/** Show a test on the graph, with its logs, and store the results of its nodes unless it is a dry run. */
export function watchTest(store: EditorStore, id: string, test: TestKind = {}): void {
  stop();
  stop = followRun(store, id, {
    test,
    ...(test.dry ? {} : { status: (graph) => fetchResults(store, graph) }),
    log: (parts) => {
      const { live } = store.getState();
      if (live?.id === id) store.setState({ live: { ...live, logs: withLogParts(live.logs, parts) } });
    },
  });
}

interface RunHandlers {
  test?: TestKind;
  status?: (graph: RunGraph) => void;
  log?: (parts: LogPart[]) => void;
}

/** Follow a run and store its state in that of the page. Return a function that stops it. */
export function followRun(store: EditorStore, id: string, handlers: RunHandlers = {}): () => void {
  const { workspace, tree } = store.getState();
  const initial = { id, tree, status: "queued", connected: true, graph: null, nodes: {}, logs: {} };
  const kind = { only: null, reused: NONE_REUSED, dry: false, ...handlers.test };
  store.setState({ live: { ...initial, ...kind }, shownIterations: {} });
  const update = (change: (live: LiveRun) => Partial<LiveRun>) => {
    const { live } = store.getState();
    if (live?.id === id) store.setState({ live: { ...live, ...change(live) } });
  };
  return follow(workspace, id, {
    connected: (connected) => update(() => ({ connected })),
    status: (graph) => {
      update((live) => withStatus(live, graph));
      handlers.status?.(graph);
    },
    ...(handlers.log ? { log: handlers.log } : {}),
    end: (status) => update(() => ({ status })),
  });
}

const NONE_REUSED: ReadonlySet<string> = new Set();

/** Return the state of a test after an update of its graph. Nodes that returned their last result are marked as reused. */
export function withStatus(live: LiveRun, update: RunGraph): Partial<LiveRun> {
  const nodes = Object.fromEntries(
    Object.entries(update.nodes).map(([id, node]) => [id, live.reused.has(id) ? asReused(node) : node]),
  );
  if (!update.part || !live.graph) return { graph: update, nodes, status: update.status };
  // A partial update contains only changes.
  const graph = {
    ...update,
    taken: [...live.graph.taken, ...update.taken],
    dead: [...live.graph.dead, ...update.dead],
  };
  return { graph, nodes: { ...live.nodes, ...nodes }, status: update.status };
}

/** Return the state of a node without its duration, which is that of the return of its last result. */
const asReused = ({ duration_ms: _, ...node }: NodeState): NodeState => ({ ...node, kept: true });

function withLogParts(logs: Record<string, TimedLog>, parts: LogPart[]): Record<string, TimedLog> {
  const made = { ...logs };
  for (const part of parts) made[part.node] = withPart(made[part.node] ?? EMPTY_LOG, part);
  return made;
}

/** Fetch the results of nodes that have ended. */
function fetchResults(store: EditorStore, graph: RunGraph): void {
  const { workspace } = store.getState();
  for (const [id, node] of Object.entries(graph.nodes)) {
    if (node.status !== "succeeded" || !node.job || node.inside) continue;
    void fetchResult(workspace, node.job)
      .then((result) => store.setState(({ results }) => ({ results: { ...results, [id]: result } })))
      .catch(() => {});
  }
}

/** Return whether the status of a run has been fetched. */
export const isStatusKnown = (live: LiveRun | null): boolean =>
  live !== null && (live.graph !== null || ENDED.has(live.status));

/** Return whether no run is shown, or the shown run has ended. */
export const isRunOver = (live: LiveRun | null): boolean => live === null || ENDED.has(live.status);

/** Return whether a test is being started or runs. */
export const isTesting = ({ starting, live }: Editor): boolean => starting || !isRunOver(live);

/** Return whether a node waits for an approval. */
export const awaitsApproval = ({ waits }: NodeState): boolean =>
  waits?.some((wait) => wait.code === "approval" || wait.code === "suspended") ?? false;

const NOT_STARTED = new Set(["pending", "queued", "waiting", "paused"]);

/**
 * Return whether a node of the run has started. One in a loop may start again, in the next iteration, until the loop
 * has ended.
 */
export function hasStarted({ live, graph }: Pick<Editor, "live" | "graph">, id: string): boolean {
  const state = live?.nodes[id];
  const loop = outermostLoop(graph, id);
  if (loop !== null) return ENDED.has(live?.nodes[loop]?.status ?? "");
  return state !== undefined && (awaitsApproval(state) || !NOT_STARTED.has(state.status));
}

function outermostLoop(graph: Editor["graph"], id: string): string | null {
  let loop = null;
  for (let each = graph.byId.get(id)?.inside; each; each = graph.byId.get(each)?.inside) {
    if (isLoop(graph.byId.get(each)?.kind ?? "")) loop = each;
  }
  return loop;
}

/** Return the nodes of a run that wait for an approval. */
export const waitingApprovals = (live: LiveRun): string[] =>
  Object.entries(live.nodes)
    .filter(([, node]) => awaitsApproval(node))
    .map(([id]) => id);

/** Return the run with the data of a node: the test if the node is part of it, otherwise the last run. */
export function runOf({ live, lastRun }: Editor, id: string): ShownRun | null {
  const isPart = live !== null && (live.graph === null || live.nodes[id] !== undefined);
  return isPart || !lastRun?.nodes[id] ? live : lastRun;
}

/** Return the state of a node in a run, or in the shown iteration of the loop around it. */
export function nodeStateOf(
  { live, shownIterations, graph }: Editor,
  id: string,
  run: ShownRun | null = live,
): NodeState | undefined {
  const state = run?.nodes[id];
  const inside = graph.byId.get(id)?.inside;
  const one = inside ? shownIterations[inside]?.nodes[id] : undefined;
  if (!state || !one) return state;
  // The times of all iterations are not those of this one.
  const { duration_ms: _, started_at: __, ...rest } = state;
  return { ...rest, ...one };
}
