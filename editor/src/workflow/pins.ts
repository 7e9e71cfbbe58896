import { t } from "../texts/workflow";
import { setField } from "./commands";
import { CommandError } from "./lanes";
import type { Change, Model } from "./model";
import { at, isTree, type Json, type Tree } from "./types";

/** The pinned output of a node, returned instead of running it while `enabled`. */
export interface Pin {
  enabled: boolean;
  value: Json;
}

/** Return the pinned output of a node, null if it has none. */
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

/** Pin the output of a node. Throws CommandError if no value is known. */
export function pin(model: Model, id: string, value: Json | undefined): Change {
  const node = model.graph.byId.get(id);
  if (!node || value === undefined) throw new CommandError(t("workflow.noResult", { node: id }));
  const name = t("workflow.pin", { node: id });
  return setField(model, [...node.path, "mock"], { enabled: true, return_value: value }, name);
}

/** Return the ids of the nodes with pinned outputs. */
export function pinnedIn(model: Model): string[] {
  return [...model.graph.byId.keys()].filter((id) => isPinned(model, id));
}

/** Unpin the outputs of all nodes. */
export function unpinAll(model: Model): Change {
  return { name: t("workflow.unpinAll"), edits: pinnedIn(model).flatMap((id) => unpin(model, id).edits) };
}

/** Unpin the output of a node. */
export function unpin(model: Model, id: string): Change {
  const node = model.graph.byId.get(id);
  if (!node) throw new CommandError(t("workflow.noNode", { node: id }));
  return setField(model, [...node.path, "mock"], undefined, t("workflow.unpin", { node: id }));
}
