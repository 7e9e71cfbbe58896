import { createStore } from "zustand";
import type { Flow } from "../api/flows";
import type { BodyState } from "../api/iterations";
import type { NodeState, RunGraph } from "../api/runs";
import type { Problem } from "../api/validation";
import { type Change, type Model, NotPossible, type Spot } from "../workflow/commands";
import { groupsOf } from "../workflow/groups";
import { addStep, EMPTY, type History, redo, undo } from "../workflow/history";
import { notesOf } from "../workflow/notes";
import { type Edge, type Outline, outline } from "../workflow/outline";
import { EditRefused, editSource, ParseError, parseSource } from "../workflow/source";
import type { Json, Tree } from "../workflow/types";
import { toYaml } from "../workflow/yaml";
import type { LocalHistory } from "./local-history";

export type Panel = "node" | "test" | "yaml" | "problems" | "outline" | "palette" | null;
export type OpenDialog =
  | { kind: "add"; spot: Spot }
  | { kind: "connect" | "into"; from: string }
  | { kind: "actions" | "keys" | "deploy" | "find" }
  | null;

/** A test of what is on the page. `nodes` by id; `logs` by node, in the order of their writing. */
export interface LiveRun {
  id: string;
  /** The document as it was when the test began. */
  tree: Json;
  status: string;
  connected: boolean;
  graph: RunGraph | null;
  nodes: Record<string, NodeState>;
  logs: Record<string, string>;
  /** The nodes that were part of it: of a test of one node, that node alone. */
  only: string | null;
}

/** An iteration that is shown: its number from 1, and once they are known its job, how it stands, how its nodes do. */
export interface ShownIteration {
  place: number;
  job: string | null;
  body: BodyState | null;
  nodes: Record<string, BodyState>;
}

/** What the canvas can be asked for while it is on the page. */
export interface CanvasView {
  fit(): void;
  zoomTo(zoom: number): void;
  zoomBy(factor: number): void;
  /** Brings nodes into view. */
  reveal(ids: readonly string[]): void;
  /** The middle of what is seen, in the graph's pixels. */
  middle(): { x: number; y: number };
}

export interface Editor {
  workspace: string;
  /** A run is looked at: what ran is shown and not changed. */
  readOnly: boolean;
  flow: Flow;
  /** The version that the draft was begun from; null: there was none. Another than `flow`: somebody deployed since. */
  base: number | null;
  /** What is deployed, and what is on the page. Nothing else is the document. */
  deployed: string;
  text: string;
  tree: Json;
  graph: Outline;
  /** Text that somebody writes and that cannot be read yet: the graph is of the last one that could. */
  pending: { text: string; fault: string; line: number } | null;
  history: History;
  selection: string[];
  edge: Edge | null;
  panel: Panel;
  canvas: CanvasView | null;
  /** Whether the small map is shown; null: by the number of nodes. */
  overview: boolean | null;
  /** How often nodes were asked to glide to their new places. */
  animations: number;
  dialog: OpenDialog;
  problems: Problem[] | null;
  draft: { revision: number | null; state: "none" | "saving" | "saved" | "conflict" | "unsaved" };
  live: LiveRun | null;
  /** Which iteration of a loop is shown (from 1), by the loop's id, and how its nodes stand in it. */
  shownIterations: Record<string, ShownIteration>;
  /** The last results of nodes, by id, and the inputs that the workflow had then. */
  results: Record<string, Json>;
  args: Tree | null;
  /** The test of a node stands beside its form. */
  testing: boolean;
}

export type EditorStore = ReturnType<typeof createEditor>;

/** The text of a workflow: as it came, else written from its value. */
export function textOf(flow: Flow): string {
  if (flow.source?.format === "yaml") return flow.source.text;
  const { summary, description, schema, value } = flow;
  const whole = { summary: summary || undefined, description: description || undefined, schema, value };
  return toYaml(JSON.parse(JSON.stringify(whole)));
}

/** What a page begins with: a draft's text and revision and the version that it was begun from, or what is deployed. */
export interface InitialText {
  text: string;
  revision: number | null;
  base?: number | null;
}

/** The state of one workflow's page. */
export function createEditor(
  workspace: string,
  flow: Flow,
  opened: InitialText,
  local: LocalHistory | null = null,
  readOnly = false,
) {
  const deployed = textOf(flow);
  const { text, history, unsaved } = initialState(flow, opened, local);
  return createStore<Editor>(() => ({
    workspace,
    readOnly,
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
    draft: {
      revision: opened.revision,
      state: unsaved ? "unsaved" : opened.revision === null ? "none" : "saved",
    },
    live: null,
    shownIterations: {},
    results: {},
    args: null,
    testing: false,
  }));
}

/**
 * What the page begins with. What this tab had not saved goes on; where the draft was saved by another one meanwhile, that
 * one is shown and this tab's is a step away.
 */
function initialState(
  flow: Flow,
  opened: InitialText,
  kept: LocalHistory | null,
): { text: string; history: History; unsaved: boolean } {
  if (!kept || kept.version !== flow.version_id) return { text: opened.text, history: EMPTY, unsaved: false };
  if (kept.text === opened.text) return { text: opened.text, history: kept.history, unsaved: false };
  if (kept.revision === opened.revision) return { text: kept.text, history: kept.history, unsaved: true };
  const history = addStep(kept.history, "Take the saved draft", kept.text, opened.text, null);
  return { text: opened.text, history, unsaved: false };
}

function parsed(text: string, otherwise: string): Pick<Editor, "tree" | "graph" | "pending"> {
  try {
    const tree = parseSource(text);
    return { tree, graph: outline(tree), pending: null };
  } catch (error) {
    const tree = parseSource(otherwise);
    return { tree, graph: outline(tree), pending: parseErrorOf(text, error) };
  }
}

function parseErrorOf(text: string, error: unknown): Editor["pending"] {
  const known = error instanceof ParseError;
  return { text, fault: error instanceof Error ? error.message : String(error), line: known ? error.line : 1 };
}

/** Whether what is on the page is another text than what runs take; nothing was deployed: it always is. */
export const isChanged = (editor: Editor): boolean =>
  editor.flow.version_id === null || editor.text !== editor.deployed;
export const modelOf = (editor: Editor): Model => ({ tree: editor.tree, graph: editor.graph });

/** Applies what a command gives. `key`: changes of one key that follow each other are undone together. */
export function apply(store: EditorStore, command: (model: Model) => Change, key: string | null = null): void {
  const editor = store.getState();
  if (editor.pending) throw new NotPossible("The YAML cannot be read: mend it first.");
  const change = command(modelOf(editor));
  if (change.edits.length === 0) return;
  const text = change.edits.reduce(editSource, editor.text);
  record(store, text, change.name, key, change.select);
}

/** Text from the YAML pane. What cannot be read changes nothing but the pane. */
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
  record(store, text, "Edit YAML", "yaml");
}

function record(store: EditorStore, text: string, name: string, key: string | null, select?: string[]): void {
  const { text: before, history } = store.getState();
  show(store, text, addStep(history, name, before, text, key), select);
}

function show(store: EditorStore, text: string, history: History, select?: string[]): void {
  const tree = parseSource(text);
  const graph = outline(tree);
  const selection = (select ?? store.getState().selection).filter((key) => exists(key, tree, graph));
  store.setState({ text, tree, graph, history, selection, edge: null, pending: null });
}

/** Whether what a selection names is there: a node, a note, a frame. */
function exists(key: string, tree: Json, graph: Outline): boolean {
  if (graph.byId.has(key)) return true;
  return notesOf(tree).some((note) => note.key === key) || groupsOf(tree, graph).some((group) => group.key === key);
}

export function undoIn(store: EditorStore): void {
  const { history, text } = store.getState();
  const back = undo(history, text);
  if (back) show(store, back.text, back.history);
}

export function redoIn(store: EditorStore): void {
  const { history, text } = store.getState();
  const forth = redo(history, text);
  if (forth) show(store, forth.text, forth.history);
}

/** After a deploy: what is on the page is the newest version. */
export function markDeployed(store: EditorStore, flow: Flow): void {
  store.setState({
    flow,
    base: flow.version_id,
    deployed: store.getState().text,
    draft: { revision: null, state: "none" },
  });
}

/** Another text in place of all that was done, such as the deployed one or that of another page. */
export function replaceAll(store: EditorStore, text: string, name: string): void {
  record(store, text, name, null);
}

export function select(store: EditorStore, ids: string[], edge: Edge | null = null): void {
  const { selection, edge: before } = store.getState();
  if (ids.length === selection.length && ids.every((id, n) => id === selection[n]) && edge === before) return;
  store.setState({ selection: ids, edge });
}

export { EditRefused as Refused, NotPossible };
