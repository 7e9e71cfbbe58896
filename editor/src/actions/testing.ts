import { isOver, testNode } from "../editing/live";
import { type Action, first, one } from "./action";

/** Runs of what is on the page. */
export const TESTING: readonly Action[] = [
  {
    name: "test",
    icon: "play",
    label: "Test the workflow",
    keys: ["Mod-Enter"],
    enabled: (editor) => isOver(editor.live),
    run: (store) => store.setState({ panel: "test" }),
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
];
