import { expect, test } from "vitest";
import type { Flow } from "../src/api/flows";
import { apply, createEditor, markDeployed, undoIn } from "../src/editor/store";
import { CATALOG } from "../src/workflow/catalog";
import { addNode } from "../src/workflow/commands";
import { addStep, EMPTY, endStep, PAUSE_MS, undo } from "../src/workflow/history";

const TEXT = "summary: a\nvalue:\n  modules: []\n";
const FLOW: Flow = {
  path: "f/a/b",
  summary: "",
  edited_by: "",
  edited_at: "",
  archived: false,
  version_id: 1,
  value: null,
  source: { format: "yaml", text: TEXT },
};

test("consecutive changes with one key are one step", () => {
  const typed = addStep(addStep(EMPTY, "Type", "", "a", "key", 0), "Type", "a", "ab", "key", 1);
  expect(undo(typed, "ab")?.text).toBe("");
});

test("a change after a pause is a step of its own", () => {
  const first = addStep(addStep(EMPTY, "Type", "", "a", "key", 0), "Type", "a", "ab", "key", PAUSE_MS - 1);
  const later = addStep(first, "Type", "ab", "abc", "key", 2 * PAUSE_MS);
  expect(undo(later, "abc")?.text).toBe("ab");
});

test("a change after the end of a step is a step of its own", () => {
  const first = endStep(addStep(EMPTY, "Type", "", "a", "key", 0));
  const later = addStep(first, "Type", "a", "ab", "key", 1);
  expect(undo(later, "ab")?.text).toBe("a");
  expect(endStep(first)).toBe(first);
});

test("a deployment ends the step", () => {
  const store = createEditor("main", FLOW, { text: TEXT, revision: null });
  const set = (value: string) =>
    apply(store, () => ({ name: "Set summary", edits: [{ op: "set", path: ["summary"], value }] }), "summary");
  set("b");
  markDeployed(store, { ...FLOW, version_id: 2 });
  const deployed = store.getState().text;
  set("c");
  undoIn(store);
  expect(store.getState().text).toBe(deployed);
});

test("undo of an added node selects what was selected before it", () => {
  const store = createEditor("main", FLOW, { text: TEXT, revision: null });
  const [entry] = CATALOG;
  if (!entry) throw new Error("no entry");
  const addFirst = () => apply(store, (model) => addNode(model, { lane: model.graph.main, start: true }, entry));
  addFirst();
  const first = store.getState().selection;
  expect(first).toHaveLength(1);
  addFirst();
  expect(store.getState().selection).not.toEqual(first);
  undoIn(store);
  expect(store.getState().selection).toEqual(first);
});
