import { t } from "../texts/workflow";
import { type CatalogEntry, freeId } from "./catalog";
import { need, withOutcomes } from "./conditions";
import type { Edit } from "./edit";
import { CommandError, laneOf } from "./lanes";
import type { Change, Model } from "./model";
import { type Node, outcomesOf } from "./outline";
import { at, isTree, type Json, type Tree } from "./types";

/** Return whether a node can be replaced: nodes inside it would be lost. */
export const isReplaceable = (node: Node | undefined): boolean => node !== undefined && node.lanes.length === 0;

/**
 * Replace the kind of a node. Its id, edges, summary, settings and position stay, as do the inputs if both kinds have
 * inputs. Edges with an outcome that the new kind does not have become success edges. Throws CommandError if there are
 * nodes inside.
 */
export function replaceNode(model: Model, id: string, offer: CatalogEntry): Change {
  const node = model.graph.byId.get(id);
  if (!node) throw new CommandError(t("workflow.noNode", { node: id }));
  if (!isReplaceable(node)) throw new CommandError(t("workflow.replaceContainer", { node: id }));
  const taken = new Set(model.graph.byId.keys());
  const { id: _, value, ...settings } = offer.make(id, (base) => freeId(base, taken));
  const kind = isTree(value ?? null) ? String((value as Tree).type) : "";
  const edits: Edit[] = [
    { op: "set", path: [...node.path, "value"], value: withInputs(value ?? null, model, node) },
    ...Object.entries(settings).map(([key, each]): Edit => ({ op: "set", path: [...node.path, key], value: each })),
    ...edgesOf(model, node, kind),
  ];
  return {
    name: t("workflow.replaceNode", { node: id, kind: offer.name }),
    edits: withOutcomes(model.tree, model.graph, edits),
    select: [id],
  };
}

/** Add the inputs of a node to the value of its new kind, if that has inputs. */
function withInputs(value: Json, model: Model, node: Node): Json {
  const inputs = at(model.tree, [...node.path, "value", "input_transforms"]);
  if (!isTree(value) || !isTree(value.input_transforms ?? null) || !isTree(inputs ?? null)) return value;
  return { ...value, input_transforms: { ...(value.input_transforms as Tree), ...(inputs as Tree) } };
}

/** Return the edits of the edges that leave a node with an outcome that its new kind does not have. */
function edgesOf(model: Model, node: Node, kind: string): Edit[] {
  const outcomes = outcomesOf(kind);
  const lane = laneOf(model.graph, node);
  const isKept = (from: string, on: (typeof outcomes)[number]) => from !== node.id || outcomes.includes(on);
  return lane.nodes
    .map((target) => ({ target, edges: lane.edges.filter((edge) => edge.to === target.id && edge.explicit) }))
    .filter(({ edges }) => edges.some((edge) => !isKept(edge.from, edge.on)))
    .map(({ target, edges }) => ({
      op: "set",
      path: [...target.path, "needs"],
      value: edges.map((edge) => need(edge.from, isKept(edge.from, edge.on) ? edge.on : "success")),
    }));
}
