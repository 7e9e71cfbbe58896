import { expect, test } from "vitest";
import type { Flow } from "../src/api/flows";
import { apply, createEditor, isChanged, redoIn, textOf, treeOf, undoIn, write } from "../src/editor/store";
import { CATALOG } from "../src/workflow/catalog";
import { addNode } from "../src/workflow/commands";
import { parseSource } from "../src/workflow/source";
import type { Json, Tree } from "../src/workflow/types";
import { toYaml } from "../src/workflow/yaml";
import { cases, examples, flowOf } from "./documents";

const HEAD = { path: "f/a/b", summary: "", edited_by: "", edited_at: "", archived: false, version_id: 1 };
const flow = (text: string): Flow => ({ ...HEAD, value: null, source: { format: "yaml", text } });
const opened = (text: string) => createEditor("main", flow(text), { text: textOf(flow(text)), revision: null });

const documents: [string, string][] = [
  ...examples.map((each): [string, string] => [each.name, each.text]),
  ...cases.map((each): [string, string] => [each.name, toYaml(flowOf(each))]),
];

test.each(documents)("opening %s changes no byte, nor does a step that is undone", (_, text) => {
  const store = opened(text);
  expect(store.getState().text).toBe(text);
  expect(isChanged(store.getState())).toBe(false);
  const [offer] = CATALOG;
  if (!offer || !Array.isArray((parseSource(text) as { value?: { modules?: unknown } }).value?.modules)) return;
  apply(store, (model) => addNode(model, { lane: model.graph.main, start: true }, offer));
  const made = store.getState().text;
  expect(made).not.toBe(text);
  undoIn(store);
  expect(store.getState().text).toBe(text);
  redoIn(store);
  expect(store.getState().text).toBe(made);
});

test.each(documents)("%s opens as the value that the server parsed, and its text is edited as before", (_, text) => {
  const { value, schema, ...members } = parseSource(text) as { [name: string]: Json };
  const deployed: Flow = { ...HEAD, value, schema, source: { format: "yaml", text }, source_members: members as Tree };
  const tree = treeOf(deployed);
  const store = createEditor("main", deployed, { text, tree, revision: null });
  expect(store.getState().tree).toBe(tree);
  expect(tree).toEqual(opened(text).getState().tree);
  apply(store, () => ({ name: "Any", edits: [{ op: "set", path: ["summary"], value: "Other" }] }));
  const other = opened(text);
  apply(other, () => ({ name: "Any", edits: [{ op: "set", path: ["summary"], value: "Other" }] }));
  expect(store.getState().text).toBe(other.getState().text);
});

test("JSON text opens without its parser of YAML, with the same value", () => {
  const text = JSON.stringify({ summary: "A", value: { modules: [{ id: "a", value: { type: "identity" } }] } });
  expect(opened(text).getState().tree).toEqual(JSON.parse(text));
});

test("text that cannot be read is kept beside the document, which stays", () => {
  const text = "value:\n  modules:\n    - {id: a, value: {type: identity}}\n";
  const store = opened(text);
  write(store, `${text}  bad: [`);
  expect(store.getState().pending?.text).toBe(`${text}  bad: [`);
  expect(store.getState().text).toBe(text);
  expect([...store.getState().graph.byId.keys()]).toEqual(["a"]);
  expect(() => apply(store, () => ({ name: "Any", edits: [] }))).toThrow("Fix it first");
  write(store, text);
  expect(store.getState().pending).toBeNull();
});

const THREE = "value:\n  modules: []\n";
const DRAFT = "summary: Saved\nvalue:\n  modules: []\n";
const MINE = "summary: Mine\nvalue:\n  modules: []\n";
const STEP = { name: "Set summary", at: 0, before: "", after: "summary: Mine\n", key: null };
const kept = (text: string, revision: number | null, version = 1) => ({
  version,
  revision,
  text,
  history: { steps: [STEP], done: 1 },
});
const reopened = (revision: number | null, from: ReturnType<typeof kept>) =>
  createEditor("main", flow(THREE), { text: revision === null ? THREE : DRAFT, revision }, from).getState();

test("what a tab had not saved goes on after it was loaded again", () => {
  const editor = reopened(7, kept(MINE, 7));
  expect(editor.text).toBe(MINE);
  expect(editor.draft).toEqual({ revision: 7, state: "unsaved" });
  expect(editor.history.done).toBe(1);
});

test("a draft that another page saved meanwhile is shown, and this tab's is a step away", () => {
  const from = kept(MINE, 6);
  const store = createEditor("main", flow(THREE), { text: DRAFT, revision: 7 }, from);
  expect(store.getState().text).toBe(DRAFT);
  expect(store.getState().draft.state).toBe("saved");
  undoIn(store);
  expect(store.getState().text).toBe(MINE);
  undoIn(store);
  expect(store.getState().text).toBe(THREE);
});

test("the history of another version says nothing of this one", () => {
  expect(reopened(7, kept(MINE, 7, 2)).history.done).toBe(0);
  expect(reopened(7, kept(MINE, 7, 2)).text).toBe(DRAFT);
});
