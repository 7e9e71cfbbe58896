import { type EditorStore, select } from "../editor/store";
import { withConnected } from "../workflow/traversal";
import { type Action, always, hasSelection } from "./action";
import { neighbour } from "./neighbour";

const moveSelection = (direction: "up" | "down" | "left" | "right", extend: boolean) => (store: EditorStore) => {
  const { graph, selection } = store.getState();
  const next = neighbour(graph, selection.at(-1), direction);
  if (next) select(store, extend ? [...selection.filter((id) => id !== next), next] : [next]);
};

const arrowActions = (key: string, direction: "up" | "down" | "left" | "right"): Action[] => [
  {
    name: `go-${direction}`,
    icon: "down",
    label: `Go ${direction}`,
    keys: [`Arrow${key}`],
    enabled: always,
    run: moveSelection(direction, false),
  },
  {
    name: `extend-${direction}`,
    icon: "down",
    label: `Extend the selection ${direction}`,
    keys: [`Shift-Arrow${key}`],
    enabled: hasSelection,
    run: moveSelection(direction, true),
  },
];

const connectedAction = (name: string, label: string, key: string, way: "up" | "down"): Action => ({
  name,
  icon: "link",
  label,
  keys: [key],
  enabled: hasSelection,
  run: (store) => {
    const { graph, selection } = store.getState();
    select(store, withConnected(graph, selection, way));
  },
});

/** What is selected, and walking. */
export const SELECTION_ACTIONS: readonly Action[] = [
  {
    name: "select-all",
    icon: "fit",
    label: "Select all",
    keys: ["Mod-a"],
    enabled: always,
    run: (store) =>
      select(
        store,
        store.getState().graph.main.nodes.map((node) => node.id),
      ),
  },
  {
    name: "select-none",
    icon: "cross",
    label: "Select nothing",
    keys: ["Escape"],
    enabled: always,
    run: (store) => {
      select(store, []);
      store.setState({ panel: null });
    },
  },
  connectedAction("select-upstream", "Select everything before", "Shift-Alt-ArrowUp", "up"),
  connectedAction("select-downstream", "Select everything after", "Shift-Alt-ArrowDown", "down"),
  ...arrowActions("Up", "up"),
  ...arrowActions("Down", "down"),
  ...arrowActions("Left", "left"),
  ...arrowActions("Right", "right"),
];
