import { t } from "../texts/workflow";
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

/** Add a branch with one node behind the others. */
export function addBranch(model: Model, node: Node): Change {
  const id = freeId("branch", new Set(model.graph.byId.keys()));
  const modules = [{ id, value: { type: "identity" } }];
  const branch: Tree = node.kind === "branchone" ? { expr: "true", modules } : { modules };
  const list = at(model.tree, listOf(node));
  const name = t("workflow.addBranch", { node: node.id });
  if (!Array.isArray(list)) return { name, edits: [{ op: "set", path: listOf(node), value: [branch] }] };
  return { name, edits: [{ op: "insert", path: listOf(node), index: list.length, value: branch }] };
}

/** Delete a branch with its nodes. */
export function removeBranch(model: Model, node: Node, index: number): Change {
  const list = branches(model, node);
  if (list.length < 2) throw new CommandError(t("workflow.lastBranch"));
  return {
    name: t("workflow.removeBranch", { number: index + 1, node: node.id }),
    edits: [{ op: "remove", path: [...listOf(node), index] }],
  };
}

/** Move a branch one place up (-1) or down (1). The order matters to a switch. */
export function moveBranch(model: Model, node: Node, index: number, by: -1 | 1): Change {
  const branch = branches(model, node)[index];
  const to = index + by;
  if (!branch || to < 0 || to >= branches(model, node).length) return { name: "", edits: [] };
  const values = { number: index + 1, node: node.id };
  return {
    name: by < 0 ? t("workflow.moveBranchUp", values) : t("workflow.moveBranchDown", values),
    edits: [
      { op: "remove", path: [...listOf(node), index] },
      { op: "insert", path: listOf(node), index: to, value: branch },
    ],
  };
}
