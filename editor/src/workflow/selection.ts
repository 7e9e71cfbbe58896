import { deleteNodes, references, setField } from "./commands";
import type { Edit } from "./edit";
import { groupsOf, ungroup } from "./groups";
import type { Change, Model } from "./model";
import { notesOf, removeNotes, setNote } from "./notes";
import { at, isTree, type Json, type Path } from "./types";

type Place = { x: number; y: number };
const NODES = ["value", "ui", "nodes"];
/** More places than these are written in one piece. */
const ONE_BY_ONE = 4;

/** Nodes and notes where a person put them: by node id or note key, in pixels beside what holds them. */
export function move(model: Model, places: Readonly<Record<string, Place>>, name?: string): Change {
  const notes = notesOf(model.tree).filter((note) => places[note.key]);
  const nodes = Object.entries(places).filter(([id]) => model.graph.byId.has(id));
  const edits: Edit[] = notes.flatMap((note) => setNote(note, "position", { ...places[note.key] } as Json).edits);
  edits.push(...placed(model, nodes));
  const count = notes.length + nodes.length;
  const one = nodes[0]?.[0] ?? "a note";
  return {
    name: name ?? (count === 1 ? `Move ${one}` : `Move ${count} ${notes.length === 0 ? "nodes" : "things"}`),
    edits,
  };
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

/** Who reads what these nodes give and is not among them: ids of nodes, "the workflow" for its own expressions. */
export function readersOf({ graph, tree }: Model, ids: readonly string[]): string[] {
  const nodes = [...graph.byId.values()].sort((one, other) => other.path.length - one.path.length);
  const within = (path: Path, outer: Path) => outer.every((key, n) => path[n] === key);
  const gone = nodes.filter((node) => ids.includes(node.id));
  const left = ids
    .flatMap((id) => references(tree, id))
    .filter(([path]) => !gone.some((node) => within(path, node.path)));
  return [...new Set(left.map(([path]) => nodes.find((node) => within(path, node.path))?.id ?? "the workflow"))];
}

/** Whatever is selected is taken away: nodes as deleteNodes does, notes, and frames without what they hold. */
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
    return {
      ...change,
      name: notes.length > 0 ? `Delete ${count} things` : change.name,
      edits: [...after, ...change.edits],
    };
  }
  const name = notes.length === 0 ? "Ungroup" : notes.length === 1 ? "Delete a note" : `Delete ${notes.length} notes`;
  return { name, edits: after, select: [] };
}
