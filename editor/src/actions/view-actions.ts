import { apply, type EditorStore, select } from "../editor/store";
import { t } from "../texts/actions";
import * as commands from "../workflow/commands";
import { type Action, always, openDialog, toggle } from "./action";

const canvasAction = (look: (canvas: NonNullable<ReturnType<EditorStore["getState"]>["canvas"]>) => void) => ({
  enabled: always,
  run: (store: EditorStore) => {
    const { canvas } = store.getState();
    if (canvas) look(canvas);
  },
});

/** Actions of the view and its panels. */
export const VIEW_ACTIONS: readonly Action[] = [
  {
    name: "find",
    icon: "search",
    label: t("actions.find"),
    keys: ["Mod-f"],
    enabled: always,
    run: openDialog({ kind: "find" }),
  },
  { name: "fit", icon: "fit", label: t("actions.fit"), keys: ["1"], ...canvasAction((canvas) => canvas.fit()) },
  {
    name: "full-size",
    icon: "search",
    label: t("actions.fullSize"),
    keys: ["0"],
    ...canvasAction((canvas) => canvas.zoomTo(1)),
  },
  {
    name: "zoom-in",
    icon: "plus",
    label: t("actions.zoomIn"),
    keys: ["+", "="],
    ...canvasAction((canvas) => canvas.zoomBy(1.25)),
  },
  {
    name: "zoom-out",
    icon: "minus",
    label: t("actions.zoomOut"),
    keys: ["-"],
    ...canvasAction((canvas) => canvas.zoomBy(0.8)),
  },
  {
    name: "overview",
    icon: "map",
    label: t("actions.overview"),
    keys: ["v"],
    enabled: always,
    run: (store) => store.setState({ overview: !hasOverview(store.getState()) }),
  },
  {
    name: "tidy",
    icon: "tidy",
    label: t("actions.tidy"),
    keys: ["Shift-Alt-t"],
    enabled: always,
    run: (store) => {
      store.setState({ animations: store.getState().animations + 1 });
      apply(store, commands.tidy);
    },
  },
  {
    name: "yaml",
    icon: "yaml",
    label: t("actions.yaml"),
    keys: ["y"],
    enabled: always,
    run: (store) => toggle(store, "yaml"),
  },
  {
    name: "workflow",
    icon: "gear",
    label: t("actions.workflowSettings"),
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
    label: t("actions.nodeLibrary"),
    keys: ["a"],
    enabled: always,
    run: (store) => toggle(store, "palette"),
  },
  {
    name: "outline",
    icon: "list",
    label: t("actions.outline"),
    keys: ["t"],
    enabled: always,
    run: (store) => toggle(store, "outline"),
  },
  {
    name: "problems",
    icon: "warn",
    label: t("actions.problems"),
    keys: ["m"],
    enabled: always,
    run: (store) => toggle(store, "problems"),
  },
];

const OVERVIEW_FROM = 15;

/** Return true if the overview map is shown: the user's choice, by default from 15 nodes on. */
export function hasOverview(editor: { overview: boolean | null; graph: { byId: Map<string, unknown> } }): boolean {
  return editor.overview ?? editor.graph.byId.size >= OVERVIEW_FROM;
}
