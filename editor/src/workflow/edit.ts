import { ExactNumber } from "../lib/exact-number";
import { t } from "../texts/workflow";
import { at, isTree, type Json, type Path } from "./types";

/** One edit of a document at a path. `set` adds a missing key; `insert` adds an item to a list. */
export type Edit =
  | { op: "set"; path: Path; value: Json }
  | { op: "remove"; path: Path }
  | { op: "insert"; path: Path; index: number; value: Json };

/** Return the document after an edit. Parts off the path are shared. Throws PathNotFound. */
export function applyEdit(tree: Json, edit: Edit): Json {
  if (edit.op === "insert") {
    const list = at(tree, edit.path);
    if (!Array.isArray(list)) throw new PathNotFound(edit.path);
    return replaceAt(tree, edit.path, [...list.slice(0, edit.index), edit.value, ...list.slice(edit.index)]);
  }
  if (edit.op === "set") return replaceAt(tree, edit.path, edit.value);
  const parent = edit.path.slice(0, -1);
  const key = edit.path.at(-1);
  const holder = at(tree, parent);
  if (Array.isArray(holder) && typeof key === "number") {
    return replaceAt(
      tree,
      parent,
      holder.filter((_, index) => index !== key),
    );
  }
  if (!isTree(holder) || typeof key !== "string" || !Object.hasOwn(holder, key)) throw new PathNotFound(edit.path);
  const { [key]: _, ...rest } = holder;
  return replaceAt(tree, parent, rest);
}

function replaceAt(tree: Json, path: Path, value: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(tree) && typeof key === "number" && key < tree.length) {
    return tree.map((item, index) => (index === key ? replaceAt(item, rest, value) : item));
  }
  if (!isTree(tree) || typeof key !== "string") throw new PathNotFound(path);
  if (rest.length > 0 && !Object.hasOwn(tree, key)) throw new PathNotFound(path);
  return { ...tree, [key]: replaceAt(tree[key] ?? null, rest, value) };
}

export class PathNotFound extends Error {
  constructor(path: Path) {
    super(t("workflow.noPath", { path: path.join(".") }));
  }
}

/** Compare two values, regardless of the order of keys. */
export function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a instanceof ExactNumber) return b instanceof ExactNumber && a.text === b.text;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, n) => isEqual(item, b[n]));
  if (!isTree(a) || !isTree(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}
