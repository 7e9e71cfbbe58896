import { t } from "../texts/workflow";
import { freeId } from "./catalog";
import type { Edit } from "./edit";
import type { Change, Model } from "./model";
import { at, isTree, type Json, type Tree, text } from "./types";

/** A sticky note from `notes` of the document; positions and sizes in pixels of the graph. */
export interface Note {
  key: string;
  index: number;
  id: string;
  text: string;
  color: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export const COLOURS = ["yellow", "blue", "green", "red", "grey"] as const;
export const NOTE = { width: 220, height: 120 };
const PATH = ["value", "notes"];
export const noteKey = (id: string): string => `note:${id}`;

const number = (value: Json | undefined, otherwise: number) => (typeof value === "number" ? value : otherwise);

export function notesOf(tree: Json): Note[] {
  const items = at(tree, PATH);
  if (!Array.isArray(items)) return [];
  return items.flatMap((item, index): Note[] => {
    if (!isTree(item)) return [];
    const id = text(item.id) || String(index);
    const place = isTree(item.position ?? null) ? (item.position as Tree) : {};
    const size = isTree(item.size ?? null) ? (item.size as Tree) : {};
    return [
      {
        key: noteKey(id),
        index,
        id,
        text: text(item.text),
        color: text(item.color) || "yellow",
        x: number(place.x, -NOTE.width - 60),
        y: number(place.y, index * (NOTE.height + 20)),
        width: number(size.width, NOTE.width),
        height: number(size.height, NOTE.height),
      },
    ];
  });
}

/** Add notes under free ids. */
export function addNotes(model: Model, notes: readonly Tree[], name = t("workflow.addNote")): Change {
  const before = at(model.tree, PATH);
  const list = Array.isArray(before) ? before : [];
  const taken = new Set(notesOf(model.tree).map((note) => note.id));
  const made = notes.map((note) => ({ ...note, id: freeId("note", taken) }));
  const edits: Edit[] =
    list.length > 0
      ? made.map((value, n) => ({ op: "insert", path: PATH, index: list.length + n, value }))
      : [{ op: "set", path: PATH, value: made }];
  return { name, edits, select: made.map((note) => noteKey(note.id)) };
}

export function newNote(place: { x: number; y: number }): Tree {
  const { x, y } = place;
  return {
    text: "",
    position: { x: Math.round(x), y: Math.round(y) },
    size: { ...NOTE },
    color: "yellow",
    type: "free",
  };
}

const EDIT_NAMES = {
  text: t("workflow.editNote"),
  color: t("workflow.colourNote"),
  position: t("workflow.moveNote"),
  size: t("workflow.resizeNote"),
};

export function setNote(note: Note, key: "text" | "color" | "position" | "size", value: Json): Change {
  return { name: EDIT_NAMES[key], edits: [{ op: "set", path: [...PATH, note.index, key], value }] };
}

export function removeNotes(model: Model, notes: readonly Note[]): Edit[] {
  if (notes.length === 0) return [];
  const items = at(model.tree, PATH);
  if (Array.isArray(items) && notes.length >= items.length) return [{ op: "remove", path: PATH }];
  return [...notes]
    .sort((a, b) => b.index - a.index)
    .map(({ index }): Edit => ({ op: "remove", path: [...PATH, index] }));
}

/** Return notes of the document, for the clipboard. */
export function copyNotes(tree: Json, keys: ReadonlySet<string>): Tree[] {
  return notesOf(tree)
    .filter((note) => keys.has(note.key))
    .map((note) => at(tree, [...PATH, note.index]) as Tree);
}
