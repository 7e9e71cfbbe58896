import { apply, type EditorStore, select } from "../editor/store";
import * as commands from "../workflow/commands";
import { type Action, always, openDialog, toggle } from "./action";

const canvasAction = (look: (canvas: NonNullable<ReturnType<EditorStore["getState"]>["canvas"]>) => void) => ({
  enabled: always,
  run: (store: EditorStore) => {
    const { canvas } = store.getState();
    if (canvas) look(canvas);
  },
});

/** What is seen, and how. */
export const VIEW_ACTIONS: readonly Action[] = [
  {
    name: "find",
    icon: "search",
    label: "Find in the workflow",
    keys: ["Mod-f"],
    enabled: always,
    run: openDialog({ kind: "find" }),
  },
  { name: "fit", icon: "fit", label: "Show everything", keys: ["1"], ...canvasAction((canvas) => canvas.fit()) },
  {
    name: "full-size",
    icon: "search",
    label: "Full size (100 %)",
    keys: ["0"],
    ...canvasAction((canvas) => canvas.zoomTo(1)),
  },
  {
    name: "zoom-in",
    icon: "plus",
    label: "Zoom in",
    keys: ["+", "="],
    ...canvasAction((canvas) => canvas.zoomBy(1.25)),
  },
  { name: "zoom-out", icon: "minus", label: "Zoom out", keys: ["-"], ...canvasAction((canvas) => canvas.zoomBy(0.8)) },
  {
    name: "overview",
    icon: "fit",
    label: "Overview map",
    keys: ["v"],
    enabled: always,
    run: (store) => store.setState({ overview: !hasOverview(store.getState()) }),
  },
  {
    name: "tidy",
    icon: "tidy",
    label: "Tidy up",
    keys: ["Shift-Alt-t"],
    enabled: always,
    run: (store) => {
      store.setState({ animations: store.getState().animations + 1 });
      apply(store, commands.tidy);
    },
  },
  { name: "yaml", icon: "yaml", label: "YAML", keys: ["y"], enabled: always, run: (store) => toggle(store, "yaml") },
  {
    name: "workflow",
    icon: "flow",
    label: "Form of the workflow",
    keys: ["w"],
    enabled: always,
    run: (store) => {
      select(store, []);
      store.setState({ panel: "node" });
    },
  },
  {
    name: "nodes",
    icon: "nodes",
    label: "Nodes to drag",
    keys: ["a"],
    enabled: always,
    run: (store) => toggle(store, "palette"),
  },
  {
    name: "outline",
    icon: "list",
    label: "Outline",
    keys: ["t"],
    enabled: always,
    run: (store) => toggle(store, "outline"),
  },
  {
    name: "problems",
    icon: "warn",
    label: "Problems",
    keys: ["m"],
    enabled: always,
    run: (store) => toggle(store, "problems"),
  },
];

const OVERVIEW_FROM = 15;

/** Whether the small map is shown: as the person chose, else from 15 nodes on. */
export function hasOverview(editor: { overview: boolean | null; graph: { byId: Map<string, unknown> } }): boolean {
  return editor.overview ?? editor.graph.byId.size >= OVERVIEW_FROM;
}
