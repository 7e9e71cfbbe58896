import { apply, type Editor, type EditorStore, select } from "../editor/store";
import { t } from "../texts/actions";
import { ALIGNMENTS, type Alignment, align } from "../workflow/align";
import { laneOf, NotPossible } from "../workflow/commands";
import { foldGroup, groupNodes, groupsOf, ungroup } from "../workflow/groups";
import { type Box, layout, originOf } from "../workflow/layout";
import { addNotes, NOTE, newNote, notesOf } from "../workflow/notes";
import { move } from "../workflow/selection";
import { type Action, always, focusSoon } from "./action";

const nodesOf = (editor: Editor) => editor.selection.filter((id) => editor.graph.byId.has(id));
const hasSeveralNodes = (editor: Editor) => nodesOf(editor).length > 1;
/** Return the group that is selected, or that contains the selected node. */
const groupOfSelection = ({ tree, graph, selection: [id = ""] }: Editor) =>
  groupsOf(tree, graph).find((group) => group.key === id || group.ids.includes(id));
const hasGroup = (editor: Editor) => editor.selection.some((key) => key.startsWith("group:"));

/** Boxes of the selected nodes, relative to the corner of their list. Raises NotPossible for nodes of several lists. */
function boxes({ graph, tree, selection }: Editor): Map<string, Box> {
  const nodes = selection.map((id) => graph.byId.get(id)).filter((node) => node !== undefined);
  const [first] = nodes;
  if (!first || nodes.some((node) => node.list.join(".") !== first.list.join("."))) {
    throw new NotPossible(t("actions.differentLists"));
  }
  const positions = layout(graph, tree);
  const from = originOf(laneOf(graph, first), positions);
  return new Map(
    nodes.flatMap(({ id }) => {
      const box = positions.nodes.get(id);
      return box ? [[id, { ...box, x: box.x - from.x, y: box.y - from.y }] as const] : [];
    }),
  );
}

const MARGIN = 60;

/** Position of a new note: the middle of the view if it is free, otherwise next to the graph. */
function freePosition({ canvas, graph, tree }: Editor): { x: number; y: number } {
  const middle = canvas?.middle() ?? { x: 0, y: 0 };
  const at = { x: middle.x - NOTE.width / 2, y: middle.y - NOTE.height / 2 };
  const made = layout(graph, tree);
  const taken = [...graph.main.nodes.flatMap((node) => made.nodes.get(node.id) ?? []), ...notesOf(tree)];
  const over = (box: Box) =>
    at.x < box.x + box.width && box.x < at.x + NOTE.width && at.y < box.y + box.height && box.y < at.y + NOTE.height;
  return taken.some(over) ? { x: Math.max(...taken.map((box) => box.x + box.width)) + MARGIN, y: at.y } : at;
}

const ALIGNMENT_LABELS: Record<Alignment, string> = {
  left: t("actions.alignLeft"),
  centre: t("actions.alignCentre"),
  right: t("actions.alignRight"),
  top: t("actions.alignTop"),
  middle: t("actions.alignMiddle"),
  bottom: t("actions.alignBottom"),
  across: t("actions.distributeHorizontally"),
  down: t("actions.distributeVertically"),
};

const alignAction = (how: Alignment): Action => ({
  name: `align-${how}`,
  icon: `align-${how}`,
  label: ALIGNMENT_LABELS[how],
  keys: [],
  enabled: hasSeveralNodes,
  run: (store: EditorStore) => {
    const places = align(boxes(store.getState()), how);
    store.setState({ animations: store.getState().animations + 1 });
    apply(store, (model) => move(model, places, ALIGNMENT_LABELS[how]));
  },
});

/** Actions of notes, groups and positions of nodes. */
export const LAYOUT_ACTIONS: readonly Action[] = [
  {
    name: "note",
    icon: "note",
    label: t("actions.note"),
    keys: ["Shift-S"],
    enabled: always,
    run: (store) => {
      const at = freePosition(store.getState());
      apply(store, (model) => addNotes(model, [newNote(at)]));
      store.setState({ panel: "node" });
      focusSoon("note");
    },
  },
  {
    name: "group",
    icon: "group",
    label: t("actions.group"),
    keys: ["Mod-g"],
    enabled: (editor) => nodesOf(editor).length > 0,
    run: (store) => {
      apply(store, (model) => groupNodes(model, nodesOf(store.getState())));
      store.setState({ panel: "node" });
      focusSoon("group");
    },
  },
  {
    name: "ungroup",
    icon: "cross",
    label: t("actions.ungroup"),
    keys: ["Mod-Shift-g"],
    enabled: hasGroup,
    run: (store) => {
      const { selection } = store.getState();
      apply(store, (model) => {
        const frames = groupsOf(model.tree, model.graph).filter((group) => selection.includes(group.key));
        const ids = frames.flatMap((frame) => frame.ids);
        return {
          name: t("actions.ungroup"),
          edits: ungroup(
            model,
            frames.map((frame) => frame.index),
          ),
          select: ids,
        };
      });
    },
  },
  {
    name: "fold",
    icon: "minus",
    label: (editor) => {
      const group = groupOfSelection(editor);
      const values = { group: group?.summary || t("workflow.group") };
      return group?.folded ? t("workflow.unfoldGroup", values) : t("workflow.foldGroup", values);
    },
    keys: [],
    enabled: (editor) => groupOfSelection(editor) !== undefined,
    run: (store) => {
      const group = groupOfSelection(store.getState());
      if (!group) return;
      apply(store, () => foldGroup(group, !group.folded));
      if (!group.folded) select(store, [group.key]);
    },
  },
  ...ALIGNMENTS.map(alignAction),
];
