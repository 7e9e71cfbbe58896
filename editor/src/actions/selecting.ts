import { type EditorStore, select } from "../editing/store";
import { withStream } from "../workflow/select";
import { type Action, always, some } from "./action";
import { neighbour } from "./walk";

const go = (direction: "up" | "down" | "left" | "right", extend: boolean) => (store: EditorStore) => {
  const { graph, selection } = store.getState();
  const next = neighbour(graph, selection.at(-1), direction);
  if (next) select(store, extend ? [...selection.filter((id) => id !== next), next] : [next]);
};

const walking = (key: string, direction: "up" | "down" | "left" | "right"): Action[] => [
  {
    name: `go-${direction}`,
    icon: "down",
    label: `Go ${direction}`,
    keys: [`Arrow${key}`],
    enabled: always,
    run: go(direction, false),
  },
  {
    name: `extend-${direction}`,
    icon: "down",
    label: `Extend the selection ${direction}`,
    keys: [`Shift-Arrow${key}`],
    enabled: some,
    run: go(direction, true),
  },
];

const streaming = (name: string, label: string, key: string, way: "up" | "down"): Action => ({
  name,
  icon: "link",
  label,
  keys: [key],
  enabled: some,
  run: (store) => {
    const { graph, selection } = store.getState();
    select(store, withStream(graph, selection, way));
  },
});

/** What is selected, and walking. */
export const SELECTING: readonly Action[] = [
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
  streaming("select-upstream", "Select everything before", "Shift-Alt-ArrowUp", "up"),
  streaming("select-downstream", "Select everything after", "Shift-Alt-ArrowDown", "down"),
  ...walking("Up", "up"),
  ...walking("Down", "down"),
  ...walking("Left", "left"),
  ...walking("Right", "right"),
];
