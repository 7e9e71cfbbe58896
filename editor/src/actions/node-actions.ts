import { apply, type Editor, type EditorStore, modelOf } from "../editor/store";
import { t } from "../texts/actions";
import { notify } from "../ui/toasts";
import * as commands from "../workflow/commands";
import type { Lane } from "../workflow/outline";
import { isReplaceable } from "../workflow/replace";
import { readersOf, remove as removed } from "../workflow/selection";
import { type Action, always, firstSelected, focusSoon, hasSelection, hasSingleNode } from "./action";

/** Position of an added node: after the selected one, otherwise at the end. */
export function spotAfter(editor: Editor): commands.Spot {
  const { graph, selection } = editor;
  const id = selection.at(-1);
  const node = id === undefined ? undefined : graph.byId.get(id);
  if (node && node.list.length > 1) return { lane: commands.laneOf(graph, node), after: node.id };
  const last = graph.main.nodes.at(-1);
  return last ? { lane: graph.main, after: last.id } : { lane: graph.main, start: true };
}

/** The position after the last node of a list. */
export function endOf(lane: Lane): commands.Spot {
  const last = lane.nodes.at(-1);
  return last ? { lane, after: last.id } : { lane, start: true };
}

/** Delete the selection, and name the nodes that still read it. */
export function remove(store: EditorStore, reconnect: boolean): void {
  const { selection, edge } = store.getState();
  if (edge) {
    apply(store, (model) => commands.disconnect(model, edge));
    return;
  }
  const readers = readersOf(modelOf(store.getState()), selection);
  const notice = apply(store, (model) => removed(model, selection, reconnect));
  if (notice) notify(notice);
  if (readers.length > 0) {
    notify(t("actions.stillRead", { nodes: readers.join(", ") }));
  }
}

/** Actions of nodes and edges. */
export const NODE_ACTIONS: readonly Action[] = [
  {
    name: "add",
    icon: "plus",
    label: t("actions.add"),
    keys: ["n"],
    enabled: always,
    run: (store) => store.setState({ dialog: { kind: "add", spot: spotAfter(store.getState()) } }),
  },
  {
    name: "add-inside",
    icon: "plus",
    label: t("actions.addInside"),
    keys: ["Shift-N"],
    enabled: (editor) =>
      hasSingleNode(editor) && (editor.graph.byId.get(editor.selection[0] ?? "")?.lanes.length ?? 0) > 0,
    run: (store) => {
      const id = firstSelected(store);
      const lanes = store.getState().graph.byId.get(id)?.lanes ?? [];
      const [lane] = lanes;
      if (lane && lanes.length === 1) store.setState({ dialog: { kind: "add", spot: endOf(lane) } });
      else store.setState({ dialog: { kind: "into", from: id } });
    },
  },
  {
    name: "connect",
    icon: "link",
    label: t("actions.connect"),
    keys: ["c"],
    enabled: hasSingleNode,
    run: (store) => store.setState({ dialog: { kind: "connect", from: firstSelected(store) } }),
  },
  {
    name: "replace",
    icon: "replace",
    label: t("actions.replace"),
    keys: ["r"],
    enabled: (editor) => hasSingleNode(editor) && isReplaceable(editor.graph.byId.get(editor.selection[0] ?? "")),
    run: (store) => store.setState({ dialog: { kind: "replace", from: firstSelected(store) } }),
  },
  {
    name: "open",
    icon: "list",
    label: t("actions.open"),
    keys: ["Enter"],
    enabled: hasSingleNode,
    run: (store) => {
      store.setState({ panel: "node" });
      focusSoon("node-tab");
    },
  },
  {
    name: "rename",
    icon: "code",
    label: t("actions.rename"),
    keys: ["F2"],
    enabled: hasSingleNode,
    run: (store) => {
      store.setState({ panel: "node" });
      focusSoon("id");
    },
  },
  {
    name: "delete",
    icon: "trash",
    label: t("actions.delete"),
    keys: ["Delete", "Backspace"],
    enabled: (editor) => hasSelection(editor) || editor.edge !== null,
    run: (store) => remove(store, true),
  },
  {
    name: "cut-out",
    icon: "trash",
    label: t("actions.deleteOnly"),
    keys: ["Shift-Delete"],
    enabled: hasSelection,
    run: (store) => remove(store, false),
  },
  {
    name: "disable",
    icon: "skip",
    label: (editor) =>
      editor.selection[0] && commands.isDisabled(modelOf(editor), editor.selection[0])
        ? t("actions.enable")
        : t("actions.disable"),
    keys: ["d"],
    enabled: hasSingleNode,
    run: (store) => {
      apply(store, (model) => commands.toggleDisabled(model, firstSelected(store)));
    },
  },
];
