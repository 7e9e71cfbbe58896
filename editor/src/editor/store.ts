import { createStore } from "zustand";
import type { Flow } from "../api/flows";
import type { BodyState } from "../api/iterations";
import type { NodeState, RunGraph } from "../api/runs";
import type { PolicyDefault, Problem } from "../api/validation";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/editor";
import { type Change, type Model, NotPossible, type Spot } from "../workflow/commands";
import { groupsOf } from "../workflow/groups";
import { addStep, EMPTY, endStep, type History, redo, undo } from "../workflow/history";
import { notesOf } from "../workflow/notes";
import { type Edge, type Outline, outline } from "../workflow/outline";
import {
  EditRefused,
  editSource,
  ParseError,
  parseOpened,
  parseSource,
  rememberSource,
  writeSource,
} from "../workflow/source";
import { at, type Json, type Tree } from "../workflow/types";
import type { DraftState } from "./draft-saver";
import type { LocalHistory } from "./local-history";
import type { TimedLog } from "./timed-log";

export type Panel = "node" | "test" | "yaml" | "problems" | "outline" | "palette" | "trigger" | null;
export type OpenDialog =
  | { kind: "add"; spot: Spot }
  | { kind: "connect" | "into" | "replace"; from: string }
  | { kind: "actions" | "keys" | "deploy" | "find" }
  | null;

/** Test run of the page. `nodes` by id; `logs` by node, in the order of writing. */
export interface LiveRun {
  id: string;
  /** Document at the start of the test. */
  tree: Json;
  status: string;
  connected: boolean;
  graph: RunGraph | null;
  nodes: Record<string, NodeState>;
  logs: Record<string, TimedLog>;
  /** Node of a test of one node; null for a test of the workflow. */
  only: string | null;
  /** Nodes that returned their last result instead of running, in a test of one node. */
  reused: ReadonlySet<string>;
  /** True for a dry run: its results are partly samples. */
  dry: boolean;
}

/** Run whose data is shown: a test, or the last run before the page was opened. */
export type ShownRun = Pick<LiveRun, "id" | "status" | "graph" | "nodes">;

/** Trigger in the panel. `path`: null of a new one. */
export type ShownTrigger = { kind: "schedule" | "route"; path: string | null } | { kind: "webhook" };

/** Tab of the panel of a node. */
export type NodeTab = "settings" | "input" | "output" | "logs";

/** Shown iteration: its number from 1, and once fetched its job, its state and the states of its nodes. */
export interface ShownIteration {
  place: number;
  job: string | null;
  body: BodyState | null;
  nodes: Record<string, BodyState>;
}

/** Methods of the canvas while it is on the page. */
export interface CanvasView {
  fit(): void;
  zoomTo(zoom: number): void;
  zoomBy(factor: number): void;
  /** Scroll to a node, at a zoom at which it can be read. */
  reveal(id: string): void;
  /** Centre of the visible part, in pixels of the graph. */
  middle(): { x: number; y: number };
}

export interface Editor {
  workspace: string;
  /** Nothing can be changed: the page of a run, or of a user whose role does not permit changes. */
  readOnly: boolean;
  /** Why the page deploys no workflows, undefined if it does. */
  deployRefusal: string | undefined;
  flow: Flow;
  /** Version that the draft is based on, or null. It differs from that of `flow` if a newer one was deployed. */
  base: number | null;
  /** Deployed text and text of the page. All other state of the document is derived from them. */
  deployed: string;
  text: string;
  tree: Json;
  graph: Outline;
  /** Text that is being written and is invalid. The graph is that of the last valid text. */
  pending: { text: string; fault: string; line: number } | null;
  history: History;
  selection: string[];
  edge: Edge | null;
  panel: Panel;
  canvas: CanvasView | null;
  /** Show the minimap; null: depends on the number of nodes. */
  overview: boolean | null;
  /** Number of animated layouts so far. */
  animations: number;
  dialog: OpenDialog;
  problems: Problem[] | null;
  /** Text to which `problems` belong. */
  checked: string | null;
  /** Values that policies give to absent fields at the deployment. */
  defaults: readonly PolicyDefault[];
  draft: DraftState;
  live: LiveRun | null;
  /** A test was requested and has no run yet. */
  starting: boolean;
  /** Shown iterations by the id of the loop. */
  shownIterations: Record<string, ShownIteration>;
  /** Last results of nodes, by id, and the inputs of the workflow in that run. */
  results: Record<string, Json>;
  args: Tree | null;
  /** Trigger in the panel of triggers; null: all. */
  trigger: ShownTrigger | null;
  /** Last run before the page was opened. */
  lastRun: ShownRun | null;
  nodeTab: NodeTab;
  /** Show the settings of the node beside its input, output or logs if the window is wide. */
  beside: boolean;
}

const NO_LABELS: readonly string[] = [];

export type EditorStore = ReturnType<typeof createEditor>;

/** Texts that were written from values, which takes as long as the rest of a page. */
const texts = new WeakMap<Flow, string>();

/** Return the text of a workflow: its source, or YAML of its value. */
export function textOf(flow: Flow): string {
  if (flow.source?.format === "yaml") return flow.source.text;
  const known = texts.get(flow);
  if (known !== undefined) return known;
  const { summary, description, schema, value } = flow;
  const whole = { summary: summary || undefined, description: description || undefined, schema, value };
  const text = writeSource(parseJson(JSON.stringify(whole)) as Json);
  texts.set(flow, text);
  return text;
}

/** Return the parsed text of a workflow, which need not be parsed on the page; undefined if it is not known. */
export function treeOf({ source_members: members, value, schema }: Flow): Json | undefined {
  if (!members) return undefined;
  return { ...members, value: value as Json, ...(schema === undefined ? {} : { schema: schema as Json }) };
}

/**
 * Initial text of a page: the draft with its revision and base version, or the deployed text. `tree`: the parsed text
 * if it is known.
 */
export interface InitialText {
  text: string;
  tree?: Json | undefined;
  revision: number | null;
  base?: number | null;
}

/** Create the state of the page of a workflow. */
export function createEditor(
  workspace: string,
  flow: Flow,
  opened: InitialText,
  local: LocalHistory | null = null,
  readOnly = false,
) {
  const deployed = textOf(flow);
  const { text, history, unsaved } = initialState(flow, opened, local);
  if (text === opened.text && opened.tree !== undefined) rememberSource(text, opened.tree);
  return createStore<Editor>(() => ({
    workspace,
    readOnly,
    deployRefusal: undefined,
    flow,
    base: opened.base === undefined ? flow.version_id : opened.base,
    deployed,
    text,
    ...parsed(text, deployed),
    history,
    selection: [],
    edge: null,
    panel: null,
    canvas: null,
    overview: null,
    animations: 0,
    dialog: null,
    problems: null,
    checked: null,
    defaults: [],
    draft: {
      revision: opened.revision,
      state: unsaved ? "unsaved" : opened.revision === null ? "none" : "saved",
    },
    live: null,
    starting: false,
    shownIterations: {},
    results: {},
    args: null,
    trigger: null,
    lastRun: null,
    nodeTab: "settings",
    beside: true,
  }));
}

/**
 * Return the initial state. Unsaved changes of this tab are restored. If another tab saved the draft in the meantime, that
 * draft is shown, and undo returns to the text of this tab.
 */
function initialState(
  flow: Flow,
  opened: InitialText,
  kept: LocalHistory | null,
): { text: string; history: History; unsaved: boolean } {
  if (!kept || kept.version !== flow.version_id) return { text: opened.text, history: EMPTY, unsaved: false };
  if (kept.text === opened.text) return { text: opened.text, history: kept.history, unsaved: false };
  if (kept.revision === opened.revision) return { text: kept.text, history: kept.history, unsaved: true };
  const history = addStep(kept.history, t("editor.useSavedDraft"), kept.text, opened.text, null);
  return { text: opened.text, history, unsaved: false };
}

function parsed(text: string, otherwise: string): Pick<Editor, "tree" | "graph" | "pending"> {
  try {
    const tree = parseOpened(text);
    return { tree, graph: outline(tree), pending: null };
  } catch (error) {
    const tree = parseOpened(otherwise);
    return { tree, graph: outline(tree), pending: parseErrorOf(text, error) };
  }
}

function parseErrorOf(text: string, error: unknown): Editor["pending"] {
  const known = error instanceof ParseError;
  return { text, fault: error instanceof Error ? error.message : String(error), line: known ? error.line : 1 };
}

/** Return true if the text of the page differs from the deployed one, or nothing is deployed. */
export const isChanged = (editor: Editor): boolean =>
  editor.flow.version_id === null || editor.text !== editor.deployed;
/** Return the labels in the document, or else those of the deployed version. */
export const labelsIn = ({ tree, flow }: Editor): readonly string[] =>
  listOf(at(tree, ["labels"])) ?? flow.labels ?? NO_LABELS;

const listOf = (value: Json | undefined) => (Array.isArray(value) ? (value as string[]) : undefined);

export const modelOf = (editor: Editor): Model => ({ tree: editor.tree, graph: editor.graph });

/** Apply the change of a command and return its notice. Consecutive changes with the same `key` are undone together. */
export function apply(
  store: EditorStore,
  command: (model: Model) => Change,
  key: string | null = null,
): string | undefined {
  const editor = store.getState();
  if (editor.pending) throw new NotPossible(t("editor.yamlInvalid"));
  const change = command(modelOf(editor));
  if (change.edits.length === 0) return undefined;
  const text = change.edits.reduce(editSource, editor.text);
  record(store, text, change.name, key, change.select);
  return change.notice;
}

/** Apply text of the YAML pane. Invalid text changes only the pane. */
export function write(store: EditorStore, text: string): void {
  const editor = store.getState();
  if (text === editor.text) {
    store.setState({ pending: null });
    return;
  }
  try {
    parseSource(text);
  } catch (error) {
    store.setState({ pending: parseErrorOf(text, error) });
    return;
  }
  record(store, text, t("editor.editYaml"), "yaml");
}

function record(store: EditorStore, text: string, name: string, key: string | null, select?: string[]): void {
  const { text: before, history, selection, readOnly } = store.getState();
  if (readOnly) throw new NotPossible(t("editor.readOnly"));
  show(store, text, addStep(history, name, before, text, key, Date.now(), selection), select);
}

function show(store: EditorStore, text: string, history: History, select?: string[]): void {
  const tree = parseSource(text);
  const graph = outline(tree);
  const selection = (select ?? store.getState().selection).filter((key) => exists(key, tree, graph));
  store.setState({ text, tree, graph, history, selection, edge: null, pending: null });
}

/** Return true if a selected node, note or group exists. */
function exists(key: string, tree: Json, graph: Outline): boolean {
  if (graph.byId.has(key)) return true;
  return notesOf(tree).some((note) => note.key === key) || groupsOf(tree, graph).some((group) => group.key === key);
}

export function undoIn(store: EditorStore): void {
  const { history, text } = store.getState();
  const back = undo(history, text);
  if (!back) return;
  show(store, back.text, back.history);
  // If the selected nodes were added by the step, those that were selected before are selected again.
  if (store.getState().selection.length > 0) return;
  const { tree, graph } = store.getState();
  store.setState({ selection: back.selected.filter((key) => exists(key, tree, graph)) });
}

export function redoIn(store: EditorStore): void {
  const { history, text } = store.getState();
  const forth = redo(history, text);
  if (forth) show(store, forth.text, forth.history);
}

/** Let the next change be undone on its own. Called when a field is left, and by saves, tests and deployments. */
export function endStepIn(store: EditorStore): void {
  const { history } = store.getState();
  const ended = endStep(history);
  if (ended !== history) store.setState({ history: ended });
}

/** Mark the text of the page as the newest version, after a deploy. */
export function markDeployed(store: EditorStore, flow: Flow): void {
  store.setState({
    flow,
    base: flow.version_id,
    deployed: store.getState().text,
    draft: { revision: null, state: "none" },
  });
  endStepIn(store);
}

/** Replace the text of the page, for example by the deployed one. */
export function replaceAll(store: EditorStore, text: string, name: string): void {
  record(store, text, name, null);
}

/** Show the form of a new trigger; for a workflow that is not deployed, first what it needs for one. */
export function openTrigger(store: EditorStore, kind: ShownTrigger["kind"]): void {
  store.setState({ panel: "trigger", trigger: kind === "webhook" ? { kind } : { kind, path: null } });
}

export function select(store: EditorStore, ids: string[], edge: Edge | null = null): void {
  const { selection, edge: before } = store.getState();
  if (ids.length === selection.length && ids.every((id, n) => id === selection[n]) && edge === before) return;
  store.setState({ selection: ids, edge });
}

export { EditRefused as Refused, NotPossible };
