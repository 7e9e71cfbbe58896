import { freeId } from "./catalog";
import { CommandError } from "./lanes";
import type { Change, Model } from "./model";
import type { Node } from "./outline";
import { at, isTree, type Path, type Tree } from "./types";

export const isBranching = (kind: string): boolean => kind === "branchone" || kind === "branchall";

const listOf = (node: Node): Path => [...node.path, "value", "branches"];

function branches(model: Model, node: Node): Tree[] {
  const found = at(model.tree, listOf(node));
  return Array.isArray(found) ? found.filter(isTree) : [];
}

/** One way more, behind the others, with a node in it. */
export function addBranch(model: Model, node: Node): Change {
  const id = freeId("way", new Set(model.graph.byId.keys()));
  const modules = [{ id, value: { type: "identity" } }];
  const branch: Tree = node.kind === "branchone" ? { expr: "true", modules } : { modules };
  const list = at(model.tree, listOf(node));
  const name = `Add a branch to ${node.id}`;
  if (!Array.isArray(list)) return { name, edits: [{ op: "set", path: listOf(node), value: [branch] }] };
  return { name, edits: [{ op: "insert", path: listOf(node), index: list.length, value: branch }] };
}

/** A way and what is in it are taken away. */
export function removeBranch(model: Model, node: Node, index: number): Change {
  const list = branches(model, node);
  if (list.length < 2) throw new CommandError("The last branch stays: delete the node instead.");
  return {
    name: `Remove branch ${index + 1} of ${node.id}`,
    edits: [{ op: "remove", path: [...listOf(node), index] }],
  };
}

/** A way one place up (-1) or down (1): of "the first that holds", the order counts. */
export function moveBranch(model: Model, node: Node, index: number, by: -1 | 1): Change {
  const branch = branches(model, node)[index];
  const to = index + by;
  if (!branch || to < 0 || to >= branches(model, node).length) return { name: "Move a branch", edits: [] };
  return {
    name: `Move branch ${index + 1} of ${node.id} ${by < 0 ? "up" : "down"}`,
    edits: [
      { op: "remove", path: [...listOf(node), index] },
      { op: "insert", path: listOf(node), index: to, value: branch },
    ],
  };
}
