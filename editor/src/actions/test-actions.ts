import { loadLastResults } from "../editor/last-results";
import { isRunOver, testNode, testWorkflow } from "../editor/run-watch";
import { apply, type Editor, type EditorStore } from "../editor/store";
import { isPinned, pin, unpin } from "../workflow/pins";
import { exampleOf } from "../workflow/scope";
import { at, isTree } from "../workflow/types";
import { type Action, firstSelected, focusSoon, hasSingleNode } from "./action";

const hasNoInputs = (editor: Editor) => {
  const properties = at(editor.tree, ["schema", "properties"]);
  return !isTree(properties) || Object.keys(properties).length === 0;
};

/** What the selected node wrote, got or gave in the test that is shown. */
const showPart = (name: string, label: string, key: string): Action => ({
  name,
  icon: "list",
  label,
  keys: [key],
  enabled: (editor) => hasSingleNode(editor) && editor.live !== null,
  run: (store: EditorStore) => {
    store.setState({ panel: "test" });
    focusSoon(name);
  },
});

/** Tests the selected node beside its form, with the inputs that were used last. */
function testSelected(store: EditorStore, rerun: "all" | Set<string>): Promise<void> {
  store.setState({ panel: "node", testing: true });
  const { args, tree } = store.getState();
  return testNode(store, firstSelected(store), args ?? exampleOf(at(tree, ["schema"])) ?? {}, rerun);
}

/** Runs of what is on the page. */
export const TEST_ACTIONS: readonly Action[] = [
  {
    name: "test",
    icon: "play",
    label: "Test the workflow",
    keys: ["Mod-Enter"],
    enabled: (editor) => isRunOver(editor.live),
    run: (store) => {
      store.setState({ panel: "test" });
      return hasNoInputs(store.getState()) ? testWorkflow(store, {}) : undefined;
    },
  },
  {
    name: "test-node",
    icon: "play",
    label: "Test this node",
    keys: ["Shift-Enter"],
    enabled: (editor) => hasSingleNode(editor) && isRunOver(editor.live),
    run: (store) => testSelected(store, new Set()),
  },
  {
    name: "test-up-to",
    icon: "play",
    label: "Test up to here",
    keys: [],
    enabled: (editor) => hasSingleNode(editor) && isRunOver(editor.live),
    run: (store) => testSelected(store, "all"),
  },
  {
    name: "pin",
    icon: "pin",
    label: (editor) => (isPinned(editor, editor.selection[0] ?? "") ? "Unpin the result" : "Pin the result"),
    keys: ["p"],
    enabled: hasSingleNode,
    run: async (store) => {
      const id = firstSelected(store);
      const lastResult = () => store.getState().results[id];
      if (lastResult() === undefined && !isPinned(store.getState(), id)) await loadLastResults(store);
      apply(store, (model) => (isPinned(model, id) ? unpin(model, id) : pin(model, id, lastResult())));
    },
  },
  showPart("log", "Log of the node", "l"),
  showPart("input", "Input of the node", "i"),
  showPart("output", "Output of the node", "o"),
];
