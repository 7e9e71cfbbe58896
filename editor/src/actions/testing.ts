import { isOver, testNode, testWorkflow } from "../editing/live";
import type { Editor, EditorStore } from "../editing/store";
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
    run: (store) => {
      store.setState({ panel: "test" });
      return testNode(store, first(store), {});
    },
  },
  part("log", "Log of the node", "l"),
  part("input", "Input of the node", "i"),
  part("output", "Output of the node", "o"),
];
