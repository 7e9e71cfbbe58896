import { t } from "../texts/workflow";
import { deleteNodes, references, setField } from "./commands";
import type { Edit } from "./edit";
import { groupsOf, ungroup } from "./groups";
import type { Change, Model } from "./model";
import { notesOf, removeNotes, setNote } from "./notes";
import { at, isTree, type Json, type Path } from "./types";

type Place = { x: number; y: number };
const NODES = ["value", "ui", "nodes"];
/** Maximum number of positions that are written one by one; more are written at once. */
const ONE_BY_ONE = 4;

/** Move nodes and notes, by node id or note key, to positions in pixels relative to their holder. */
export function move(model: Model, places: Readonly<Record<string, Place>>, name?: string): Change {
  const notes = notesOf(model.tree).filter((note) => places[note.key]);
  const nodes = Object.entries(places).filter(([id]) => model.graph.byId.has(id));
  const edits: Edit[] = notes.flatMap((note) => setNote(note, "position", { ...places[note.key] } as Json).edits);
  edits.push(...placed(model, nodes));
  return { name: name ?? moveName(notes.length, nodes), edits };
}

function moveName(notes: number, nodes: [string, Place][]): string {
  if (nodes.length === 0) return t("workflow.moveNotes", { count: notes });
  if (notes === 0) return t("workflow.moveNodes", { count: nodes.length, node: nodes[0]?.[0] ?? "" });
  return t("workflow.moveItems", { count: notes + nodes.length });
}

function placed(model: Model, nodes: [string, Place][]): Edit[] {
  if (nodes.length === 0) return [];
  const before = at(model.tree, NODES);
  if (isTree(before) && nodes.length <= ONE_BY_ONE) {
    return nodes.map(([id, place]): Edit => ({ op: "set", path: [...NODES, id], value: place }));
  }
  const value = { ...(isTree(before) ? before : {}), ...Object.fromEntries(nodes) } as Json;
  return setField(model, NODES, value, "").edits;
}

/** Return the other nodes that read results of these, by id, and "the workflow" for its own expressions. */
export function readersOf({ graph, tree }: Model, ids: readonly string[]): string[] {
  const nodes = [...graph.byId.values()].sort((one, other) => other.path.length - one.path.length);
  const within = (path: Path, outer: Path) => outer.every((key, n) => path[n] === key);
  const gone = nodes.filter((node) => ids.includes(node.id));
  const left = ids
    .flatMap((id) => references(tree, id))
    .filter(([path]) => !gone.some((node) => within(path, node.path)));
  return [
    ...new Set(left.map(([path]) => nodes.find((node) => within(path, node.path))?.id ?? t("workflow.theWorkflow"))),
  ];
}

/** Delete what is selected: nodes as deleteNodes does, notes, and groups without their nodes. */
export function remove(model: Model, keys: readonly string[], reconnect: boolean): Change {
  const chosen = new Set(keys);
  const nodes = keys.filter((key) => model.graph.byId.has(key));
  const notes = notesOf(model.tree).filter((note) => chosen.has(note.key));
  const frames = groupsOf(model.tree, model.graph).filter((group) => chosen.has(group.key));
  const after: Edit[] = [
    ...removeNotes(model, notes),
    ...(nodes.length > 0
      ? []
      : ungroup(
          model,
          frames.map((frame) => frame.index),
        )),
  ];
  if (nodes.length > 0) {
    const change = deleteNodes(model, nodes, reconnect);
    const count = nodes.length + notes.length;
    const name = notes.length > 0 ? t("workflow.deleteItems", { count }) : change.name;
    return { ...change, name, edits: [...after, ...change.edits] };
  }
  const name = notes.length === 0 ? t("workflow.ungroup") : t("workflow.deleteNotes", { count: notes.length });
  return { name, edits: after, select: [] };
}
