import { type EditorStore, select } from "../editor/store";
import { t } from "../texts/actions";
import { withConnected } from "../workflow/traversal";
import { type Action, always, hasSelection } from "./action";
import { type Direction, neighbour } from "./neighbour";

const moveSelection = (direction: Direction, extend: boolean) => (store: EditorStore) => {
  const { graph, selection } = store.getState();
  const next = neighbour(graph, selection.at(-1), direction);
  if (next) select(store, extend ? [...selection.filter((id) => id !== next), next] : [next]);
  else if (direction === "up" && !extend) document.querySelector<HTMLElement>("[data-triggers] button")?.focus();
};

const arrowActions = (key: "Up" | "Down" | "Left" | "Right", direction: Direction): Action[] => [
  {
    name: `go-${direction}`,
    icon: "down",
    label: t(`actions.go${key}`),
    keys: [`Arrow${key}`],
    enabled: always,
    run: moveSelection(direction, false),
  },
  {
    name: `extend-${direction}`,
    icon: "down",
    label: t(`actions.extend${key}`),
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

/** Actions that change the selection. */
export const SELECTION_ACTIONS: readonly Action[] = [
  {
    name: "select-all",
    icon: "fit",
    label: t("actions.selectAll"),
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
    label: t("actions.clearSelection"),
    keys: ["Escape"],
    enabled: always,
    run: (store) => {
      select(store, []);
      store.setState({ panel: null });
    },
  },
  connectedAction("select-upstream", t("actions.selectUpstream"), "Shift-Alt-ArrowUp", "up"),
  connectedAction("select-downstream", t("actions.selectDownstream"), "Shift-Alt-ArrowDown", "down"),
  ...arrowActions("Up", "up"),
  ...arrowActions("Down", "down"),
  ...arrowActions("Left", "left"),
  ...arrowActions("Right", "right"),
];
