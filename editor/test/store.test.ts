import { expect, test } from "vitest";
import type { Flow } from "../src/api/flows";
import { apply, createEditor, isChanged, redoIn, textOf, undoIn, write } from "../src/editing/store";
import { OFFERS } from "../src/workflow/catalog";
import { addNode } from "../src/workflow/commands";
import { block } from "../src/workflow/render";
import { read } from "../src/workflow/source";
import { cases, examples, flowOf } from "./documents";

const HEAD = { path: "f/a/b", summary: "", edited_by: "", edited_at: "", archived: false, version_id: 1 };
const flow = (text: string): Flow => ({ ...HEAD, value: null, source: { format: "yaml", text } });
const opened = (text: string) => createEditor("main", flow(text), { text: textOf(flow(text)), revision: null });

const documents: [string, string][] = [
  ...examples.map((each): [string, string] => [each.name, each.text]),
  ...cases.map((each): [string, string] => [each.name, block(flowOf(each))]),
];

test.each(documents)("opening %s changes no byte, nor does a step that is undone", (_, text) => {
  const store = opened(text);
  expect(store.getState().text).toBe(text);
  expect(isChanged(store.getState())).toBe(false);
  const [offer] = OFFERS;
  if (!offer || !Array.isArray((read(text) as { value?: { modules?: unknown } }).value?.modules)) return;
  apply(store, (model) => addNode(model, { lane: model.graph.main, start: true }, offer));
  const made = store.getState().text;
  expect(made).not.toBe(text);
  undoIn(store);
  expect(store.getState().text).toBe(text);
  redoIn(store);
  expect(store.getState().text).toBe(made);
});

test("text that cannot be read is kept beside the document, which stays", () => {
  const text = "value:\n  modules:\n    - {id: a, value: {type: identity}}\n";
  const store = opened(text);
  write(store, `${text}  bad: [`);
  expect(store.getState().pending?.text).toBe(`${text}  bad: [`);
  expect(store.getState().text).toBe(text);
  expect([...store.getState().graph.byId.keys()]).toEqual(["a"]);
  expect(() => apply(store, () => ({ name: "Any", edits: [] }))).toThrow("mend it first");
  write(store, text);
  expect(store.getState().pending).toBeNull();
});
