import { t } from "../texts/workflow";
import { deleteNodes, insertAt, withoutNeeds } from "./commands";
import { laneOf } from "./lanes";
import type { Change, Model, Spot } from "./model";
import type { Node } from "./outline";
import { at, type Tree } from "./types";

/** Return the loops into whose body a node can be moved: those of its list and of the lists inside them. */
export function loopsBeside(model: Model, node: Node): Node[] {
  if (node.list.length < 2) return [];
  const within = (outer: Node, path: Node["path"]) => outer.path.every((key, n) => path[n] === key);
  const beside = laneOf(model.graph, node).nodes.filter((each) => each.id !== node.id);
  return [...model.graph.byId.values()].filter(
    (each) => each.kind === "forloopflow" && beside.some((outer) => within(outer, each.path)),
  );
}

/** Move a node to the end of the body of a loop. Its sources are connected to its targets. */
export function moveInto(model: Model, node: Node, loop: Node): Change {
  const name = t("workflow.moveInto", { node: node.id, loop: loop.id });
  const [lane] = loop.lanes;
  const module = at(model.tree, node.path) as Tree;
  if (!lane) return { name, edits: [] };
  const last = lane.nodes.at(-1);
  const spot: Spot = last ? { lane, after: last.id } : { lane, start: true };
  const removal = deleteNodes(model, [node.id]);
  // Inserted first: the paths of the list that the node leaves do not change by that.
  const edits = [...insertAt(model, spot, [withoutNeeds(module)]), ...removal.edits];
  return { name, edits, select: [node.id], notice: removal.notice };
}
