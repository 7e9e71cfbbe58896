import { apply, type Editor, type EditorStore } from "../editing/store";
import { ALIGNMENTS, type Alignment, aligned } from "../workflow/align";
import { move } from "../workflow/arrange";
import { laneOf, NotPossible } from "../workflow/commands";
import { groupNodes, groupsOf, ungroup } from "../workflow/groups";
import { type Box, layout, originOf } from "../workflow/layout";
import { addNotes, NOTE, newNote, notesOf } from "../workflow/notes";
import { type Action, always, focusSoon } from "./action";

const nodesOf = (editor: Editor) => editor.selection.filter((id) => editor.graph.byId.has(id));
const several = (editor: Editor) => nodesOf(editor).length > 1;
const framed = (editor: Editor) => editor.selection.some((key) => key.startsWith("group:"));

/** Boxes of the selected nodes of one list, beside the corner of that list. */
function boxes({ graph, tree, selection }: Editor): Map<string, Box> {
  const nodes = selection.map((id) => graph.byId.get(id)).filter((node) => node !== undefined);
  const [first] = nodes;
  if (!first || nodes.some((node) => node.list.join(".") !== first.list.join("."))) {
    throw new NotPossible("Nodes of one list are aligned: these stand in different ones.");
  }
  const made = layout(graph, tree);
  const from = originOf(laneOf(graph, first), made);
  return new Map(
    nodes.flatMap(({ id }) => {
      const box = made.nodes.get(id);
      return box ? [[id, { ...box, x: box.x - from.x, y: box.y - from.y }] as const] : [];
    }),
  );
}

const BESIDE = 60;

/** Where a new note goes: in the middle of what is seen, else beside the graph, never behind a node. */
function freePlace({ canvas, graph, tree }: Editor): { x: number; y: number } {
  const middle = canvas?.middle() ?? { x: 0, y: 0 };
  const at = { x: middle.x - NOTE.width / 2, y: middle.y - NOTE.height / 2 };
  const made = layout(graph, tree);
  const taken = [...graph.main.nodes.flatMap((node) => made.nodes.get(node.id) ?? []), ...notesOf(tree)];
  const over = (box: Box) =>
    at.x < box.x + box.width && box.x < at.x + NOTE.width && at.y < box.y + box.height && box.y < at.y + NOTE.height;
  return taken.some(over) ? { x: Math.max(...taken.map((box) => box.x + box.width)) + BESIDE, y: at.y } : at;
}

const WORDS: Record<Alignment, string> = {
  left: "Align left",
  centre: "Align centres",
  right: "Align right",
  top: "Align tops",
  middle: "Align middles",
  bottom: "Align bottoms",
  across: "Space out across",
  down: "Space out down",
};

const aligning = (how: Alignment): Action => ({
  name: `align-${how}`,
  icon: `align-${how}`,
  label: WORDS[how],
  keys: [],
  enabled: several,
  run: (store: EditorStore) => {
    const places = aligned(boxes(store.getState()), how);
    store.setState({ glides: store.getState().glides + 1 });
    apply(store, (model) => move(model, places, WORDS[how]));
  },
});

/** Notes, frames, and where nodes stand. */
export const ARRANGING: readonly Action[] = [
  {
    name: "note",
    icon: "note",
    label: "Sticky note",
    keys: ["Shift-S"],
    enabled: always,
    run: (store) => {
      const at = freePlace(store.getState());
      apply(store, (model) => addNotes(model, [newNote(at)]));
      store.setState({ panel: "node" });
      focusSoon("note");
    },
  },
  {
    name: "group",
    icon: "group",
    label: "Group",
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
    label: "Ungroup",
    keys: ["Mod-Shift-g"],
    enabled: framed,
    run: (store) => {
      const { selection } = store.getState();
      apply(store, (model) => {
        const frames = groupsOf(model.tree, model.graph).filter((group) => selection.includes(group.key));
        const ids = frames.flatMap((frame) => frame.ids);
        return {
          name: "Ungroup",
          edits: ungroup(
            model,
            frames.map((frame) => frame.index),
          ),
          select: ids,
        };
      });
    },
  },
  ...ALIGNMENTS.map(aligning),
];
