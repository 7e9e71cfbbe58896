import { fetchResult } from "../api/runs";
import { loadLastResults } from "../editor/last-results";
import { findShownJob } from "../editor/node-job";
import { isTesting, showOutput, testNode, testWorkflow } from "../editor/run-watch";
import { apply, type Editor, type EditorStore } from "../editor/store";
import { t } from "../texts/actions";
import { exampleOf } from "../workflow/example";
import { isPinned, pin, unpin } from "../workflow/pins";
import { at, isTree, type Json } from "../workflow/types";
import { type Action, firstSelected, focusSoon, hasSingleNode } from "./action";

const hasNoInputs = (editor: Editor) => {
  const properties = at(editor.tree, ["schema", "properties"]);
  return !isTree(properties) || Object.keys(properties).length === 0;
};

/** Action that shows logs, input or output of the selected node. */
const showPart = (name: "logs" | "input" | "output", label: string, key: string): Action => ({
  name,
  icon: "list",
  label,
  keys: [key],
  enabled: hasSingleNode,
  run: (store: EditorStore) => {
    store.setState({ panel: "node", nodeTab: name });
    focusSoon(name);
  },
});

/** Test the selected node with the inputs of the last test, and show its output. */
function testSelected(store: EditorStore, rerun: "all" | Set<string>): Promise<void> {
  showOutput(store);
  const { args, tree } = store.getState();
  return testNode(store, firstSelected(store), args ?? exampleOf(at(tree, ["schema"])) ?? {}, rerun);
}

/** Return the last result of a node, inside a loop that of the shown iteration; undefined if none is known. */
async function lastResultOf(store: EditorStore, id: string): Promise<Json | undefined> {
  const known = () => store.getState().results[id];
  if (known() === undefined) await loadLastResults(store);
  if (known() !== undefined) return known();
  const job = await findShownJob(store.getState(), id);
  return job === null ? undefined : fetchResult(store.getState().workspace, job);
}

/** Actions that run the workflow on the page or a part of it. */
export const TEST_ACTIONS: readonly Action[] = [
  {
    name: "test",
    icon: "play",
    label: t("actions.test"),
    keys: ["Mod-Enter"],
    enabled: (editor) => !isTesting(editor),
    run: (store) => {
      store.setState({ panel: "test" });
      return hasNoInputs(store.getState()) ? testWorkflow(store, {}) : undefined;
    },
  },
  {
    name: "test-node",
    icon: "play",
    label: t("actions.testNode"),
    keys: ["Shift-Enter"],
    enabled: (editor) => hasSingleNode(editor) && !isTesting(editor),
    run: (store) => testSelected(store, new Set()),
  },
  {
    name: "test-up-to",
    icon: "play",
    label: t("actions.runToHere"),
    keys: [],
    enabled: (editor) => hasSingleNode(editor) && !isTesting(editor),
    run: (store) => testSelected(store, "all"),
  },
  {
    name: "pin",
    icon: "pin",
    label: (editor) => (isPinned(editor, editor.selection[0] ?? "") ? t("actions.unpin") : t("actions.pin")),
    keys: ["p"],
    enabled: hasSingleNode,
    run: async (store) => {
      const id = firstSelected(store);
      const result = isPinned(store.getState(), id) ? undefined : await lastResultOf(store, id);
      apply(store, (model) => (isPinned(model, id) ? unpin(model, id) : pin(model, id, result)));
    },
  },
  showPart("logs", t("actions.showLogs"), "l"),
  showPart("input", t("actions.showInput"), "i"),
  showPart("output", t("actions.showOutput"), "o"),
];
