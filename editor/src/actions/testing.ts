import { isOver, testNode, testWorkflow } from "../editing/live";
import { recallLastRuns } from "../editing/recall";
import { apply, type Editor, type EditorStore } from "../editing/store";
import { isPinned, pin, unpin } from "../workflow/pins";
import { exampleOf } from "../workflow/scope";
import { at, isTree } from "../workflow/types";
import { type Action, first, focusSoon, one } from "./action";

const asksNothing = (editor: Editor) => {
  const asked = at(editor.tree, ["schema", "properties"]);
  return !isTree(asked) || Object.keys(asked).length === 0;
};

/** What the selected node wrote, got or gave in the test that is shown. */
const part = (name: string, label: string, key: string): Action => ({
  name,
  icon: "list",
  label,
  keys: [key],
  enabled: (editor) => one(editor) && editor.live !== null,
  run: (store: EditorStore) => {
    store.setState({ panel: "test" });
    focusSoon(name);
  },
});

/** Tests the selected node beside its form, with the inputs that were used last. */
function testIn(store: EditorStore, again: "all" | Set<string>): Promise<void> {
  store.setState({ panel: "node", testing: true });
  const { args, tree } = store.getState();
  return testNode(store, first(store), args ?? exampleOf(at(tree, ["schema"])) ?? {}, again);
}

/** Runs of what is on the page. */
export const TESTING: readonly Action[] = [
  {
    name: "test",
    icon: "play",
    label: "Test the workflow",
    keys: ["Mod-Enter"],
    enabled: (editor) => isOver(editor.live),
    run: (store) => {
      store.setState({ panel: "test" });
      return asksNothing(store.getState()) ? testWorkflow(store, {}) : undefined;
    },
  },
  {
    name: "test-node",
    icon: "play",
    label: "Test this node",
    keys: ["Shift-Enter"],
    enabled: (editor) => one(editor) && isOver(editor.live),
    run: (store) => testIn(store, new Set()),
  },
  {
    name: "test-up-to",
    icon: "play",
    label: "Test up to here",
    keys: [],
    enabled: (editor) => one(editor) && isOver(editor.live),
    run: (store) => testIn(store, "all"),
  },
  {
    name: "pin",
    icon: "pin",
    label: (editor) => (isPinned(editor, editor.selection[0] ?? "") ? "Unpin the result" : "Pin the result"),
    keys: ["p"],
    enabled: one,
    run: async (store) => {
      const id = first(store);
      const known = () => store.getState().results[id];
      if (known() === undefined && !isPinned(store.getState(), id)) await recallLastRuns(store);
      apply(store, (model) => (isPinned(model, id) ? unpin(model, id) : pin(model, id, known())));
    },
  },
  part("log", "Log of the node", "l"),
  part("input", "Input of the node", "i"),
  part("output", "Output of the node", "o"),
];
