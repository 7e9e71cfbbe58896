import { setField } from "./commands";
import { CommandError } from "./lanes";
import type { Change, Model } from "./model";
import { at, isTree, type Json, type Tree } from "./types";

/** What a node answers instead of running, while `enabled`. */
export interface Pin {
  enabled: boolean;
  value: Json;
}

/** The pin of a node as it stands in the document; null where it has none. */
export function pinOf(module: Json | undefined): Pin | null {
  const mock = at(module, ["mock"]);
  if (!isTree(mock ?? null)) return null;
  const { enabled, return_value } = mock as Tree;
  return { enabled: enabled === true, value: return_value ?? null };
}

export function isPinned(model: Model, id: string): boolean {
  const node = model.graph.byId.get(id);
  return node !== undefined && pinOf(at(model.tree, node.path))?.enabled === true;
}

/** The node answers with a value from now on. Throws NotPossible where none is known. */
export function pin(model: Model, id: string, value: Json | undefined): Change {
  const node = model.graph.byId.get(id);
  if (!node || value === undefined) throw new CommandError(`No result of ${id} is known yet: test it first.`);
  return setField(model, [...node.path, "mock"], { enabled: true, return_value: value }, `Pin the result of ${id}`);
}

/** The nodes that answer instead of running. */
export function pinnedIn(model: Model): string[] {
  return [...model.graph.byId.keys()].filter((id) => isPinned(model, id));
}

/** All of them run again. */
export function unpinAll(model: Model): Change {
  return { name: "Unpin all", edits: pinnedIn(model).flatMap((id) => unpin(model, id).edits) };
}

/** The node runs again. */
export function unpin(model: Model, id: string): Change {
  const node = model.graph.byId.get(id);
  if (!node) throw new CommandError(`There is no node ${id}.`);
  return setField(model, [...node.path, "mock"], undefined, `Unpin ${id}`);
}
