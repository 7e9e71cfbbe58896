import { t } from "../texts/workflow";
import { type CatalogEntry, freeId } from "./catalog";
import { need, nextOutcome, withOutcomes } from "./conditions";
import { applyEdit, type Edit } from "./edit";
import { groupsAfter } from "./groups";
import { withJoins } from "./joins";
import { CommandError, laneOf, leadsTo } from "./lanes";
import type { Change, Model, Spot } from "./model";
import { OUTCOME_NAMES } from "./outcome-names";
import type { Edge, Lane, Node } from "./outline";
import { at, isTree, type Json, type Outcome, type Path, type Tree } from "./types";

export type { Change, Model, Spot };
export { CommandError as NotPossible, laneOf, leadsTo as reaches };

function nodeById(model: Model, id: string): Node {
  const node = model.graph.byId.get(id);
  if (!node) throw new CommandError(t("workflow.noNode", { node: id }));
  return node;
}

const needsOf = (lane: Lane, id: string): Json[] =>
  lane.edges.filter((edge) => edge.to === id).map((edge) => need(edge.from, edge.on));

/** Add a node of a kind at a spot. */
export function addNode(model: Model, spot: Spot, offer: CatalogEntry): Change {
  const taken = new Set(model.graph.byId.keys());
  const id = freeId(offer.base, taken);
  const module = offer.make(id, (base) => freeId(base, taken));
  const edits = insertAt(model, spot, [module]);
  if ("at" in spot && spot.lane.path.join() === model.graph.main.path.join()) edits.push(...placed(model, id, spot.at));
  return { name: t("workflow.addNode", { kind: offer.name }), edits, select: [id] };
}

/** Return the edits that store the position of a node of the main list. */
function placed(model: Model, id: string, { x, y }: { x: number; y: number }): Edit[] {
  return setField(model, ["value", "ui", "nodes", id], { x: Math.round(x), y: Math.round(y) }, "").edits;
}

/** Add a node without edges to the main list, at a position of the canvas. */
export function addLoose(model: Model, offer: CatalogEntry, at: { x: number; y: number }): Change {
  const { main } = model.graph;
  const change = addNode(model, { lane: main, start: true }, offer);
  const insert = change.edits.find((edit) => edit.op === "insert");
  if (insert?.op !== "insert" || !isTree(insert.value)) return change;
  const id = String(insert.value.id);
  const edits: Edit[] = [
    { ...insert, index: main.nodes.length, value: withNeeds(insert.value, []) },
    ...placed(model, id, at),
  ];
  return { ...change, edits };
}

/** Return the edits that put modules at a spot and connect them there. */
export function insertAt(model: Model, spot: Spot, modules: Tree[]): Edit[] {
  return withOutcomes(model.tree, model.graph, insertions(spot, modules));
}

function insertions(spot: Spot, modules: Tree[]): Edit[] {
  const { lane } = spot;
  const insert = (index: number, needs?: Json[]): Edit[] =>
    modules.map((module, n) => ({
      op: "insert",
      path: lane.path,
      index: index + n,
      value: n === 0 && needs ? withNeeds(module, needs) : module,
    }));
  const indexOf = (id: string) => lane.nodes.find((node) => node.id === id)?.index ?? lane.nodes.length;
  const last = String(modules.at(-1)?.id);
  if ("start" in spot) return insert(0);
  if ("after" in spot) {
    if (!lane.graph) return insert(indexOf(spot.after) + 1);
    return insert(lane.nodes.length, [spot.after]);
  }
  if ("from" in spot) return insert(lane.nodes.length, [need(spot.from, spot.on ?? nextOutcome(lane, spot.from))]);
  const { edge } = spot;
  const target = indexOf(edge.to);
  if (!edge.explicit) return insert(target);
  const needs = lane.edges.filter((each) => each.to === edge.to);
  const moved = needs.map((each) => (sameEdge(each, edge) ? last : need(each.from, each.on)));
  return [
    { op: "set", path: [...lane.path, target, "needs"], value: moved },
    ...insert(target, [need(edge.from, edge.on)]),
  ];
}

function withNeeds({ id, ...rest }: Tree, needs: Json[]): Tree {
  return { id: id ?? null, needs, ...rest };
}

/**
 * Delete nodes. Their sources are connected to their targets, unless `reconnect` is false. Targets that ran only on an
 * outcome beside the main one of a deleted node are disabled, because they would now run each time; `notice` names them.
 */
export function deleteNodes(model: Model, ids: readonly string[], reconnect = true): Change {
  const removed = new Set(ids.map((id) => nodeById(model, id).id));
  // A node inside another deleted node is deleted with that one.
  const outermost = [...removed].map((id) => nodeById(model, id)).filter((node) => !heldBy(model, node, removed));
  const edits: Edit[] = [];
  const disabled: string[] = [];
  for (const lane of new Set(outermost.map((node) => laneOf(model.graph, node)))) {
    edits.push(...reconnectEdges(lane, removed, reconnect));
    for (const node of reconnect ? sideBranches(model.tree, lane, removed) : []) {
      edits.push({ op: "set", path: [...node.path, "skip_if"], value: DISABLED });
      disabled.push(node.id);
    }
    const leaving = lane.nodes.filter((node) => removed.has(node.id)).reverse();
    for (const node of leaving) edits.push({ op: "remove", path: node.path });
  }
  edits.push(...removePositions(model, removed), ...groupsAfter(model, (id) => (removed.has(id) ? null : id)));
  const name = t("workflow.deleteNodes", { count: ids.length, node: ids[0] ?? "" });
  const notice = disabled.length > 0 ? t("workflow.branchDisabled", { nodes: disabled.join(", ") }) : undefined;
  return { name, edits: withOutcomes(model.tree, model.graph, edits), select: [], notice };
}

function heldBy(model: Model, node: Node, gone: Set<string>): boolean {
  for (let id = node.inside; id; id = model.graph.byId.get(id)?.inside ?? null) if (gone.has(id)) return true;
  return false;
}

function reconnectEdges(lane: Lane, gone: Set<string>, reconnect: boolean): Edit[] {
  const edits: Edit[] = [];
  for (const node of lane.nodes) {
    if (gone.has(node.id)) continue;
    const before = lane.edges.filter((edge) => edge.to === node.id);
    const lost = before.filter((edge) => gone.has(edge.from));
    if (lost.length === 0) continue;
    const implied = lost.some((edge) => !edge.explicit);
    // Implicit edges follow the order of the list, so they need no edit if the deleted nodes had no explicit ones.
    if (implied && reconnect && lane.nodes.every((each) => !gone.has(each.id) || !hasExplicitNeeds(lane, each.id)))
      continue;
    const after = new Map<string, Json>();
    for (const edge of before) {
      if (!gone.has(edge.from)) after.set(`${edge.from}:${edge.on}`, need(edge.from, edge.on));
      else if (reconnect)
        for (const each of sources(lane, edge.from, gone))
          after.set(`${each.from}:${each.on}`, need(each.from, each.on));
    }
    edits.push({ op: "set", path: [...node.path, "needs"], value: [...after.values()] });
  }
  return edits;
}

/** Outcomes beside the main one of a node. */
const SIDE_OUTCOMES: ReadonlySet<Outcome> = new Set(["failure", "rejected", "timeout"]);

/** Return the nodes that remain and ran only if deleted nodes ended with another outcome than the main one. */
function sideBranches(tree: Json, lane: Lane, gone: Set<string>): Node[] {
  const hasMain = (id: string) => lane.edges.some(({ from, to, on }) => from === id && !gone.has(to) && on !== "false");
  const isSide = ({ from, on }: Edge) => gone.has(from) && (SIDE_OUTCOMES.has(on) || (on === "false" && hasMain(from)));
  const found = new Set<string>();
  for (let size = -1; size < found.size; ) {
    size = found.size;
    for (const { id, path } of lane.nodes) {
      const before = lane.edges.filter((edge) => edge.to === id).map((edge) => isSide(edge) || found.has(edge.from));
      const all = (at(tree, [...path, "join"]) ?? "all") === "all";
      if (all ? before.includes(true) : before.length > 0 && !before.includes(false)) found.add(id);
    }
  }
  return lane.nodes.filter((node) => found.has(node.id) && !gone.has(node.id));
}

function hasExplicitNeeds(lane: Lane, id: string): boolean {
  return lane.graph && (lane.edges.some((edge) => edge.to === id && edge.explicit) || isStart(lane, id));
}

function isStart(lane: Lane, id: string): boolean {
  return lane.nodes[0]?.id !== id && !lane.edges.some((edge) => edge.to === id);
}

/** Return the edges from remaining nodes that lead to a deleted node, also through other deleted nodes. */
function sources(lane: Lane, id: string, gone: Set<string>): Edge[] {
  return lane.edges
    .filter((edge) => edge.to === id)
    .flatMap((edge) => (gone.has(edge.from) ? sources(lane, edge.from, gone) : [edge]));
}

function removePositions(model: Model, gone: Set<string>): Edit[] {
  const places = at(model.tree, ["value", "ui", "nodes"]);
  if (!isTree(places)) return [];
  const kept = Object.entries(places).filter(([id]) => !gone.has(id));
  if (kept.length === Object.keys(places).length) return [];
  return [{ op: "set", path: ["value", "ui", "nodes"], value: Object.fromEntries(kept) }];
}

/**
 * Add an edge, on the next outcome of its source if none is passed.
 * Throws CommandError for another list, a second edge of the same kind, a cycle.
 */
export function connect(model: Model, from: string, to: string, outcome?: Outcome): Change {
  const [source, target] = [nodeById(model, from), nodeById(model, to)];
  const lane = laneOf(model.graph, target);
  const on = outcome ?? nextOutcome(lane, from);
  if (source.list.join(".") !== target.list.join(".")) {
    throw new CommandError(t("workflow.otherList"));
  }
  if (lane.edges.some((edge) => edge.from === from && edge.to === to && edge.on === on)) {
    throw new CommandError(t("workflow.connected", { from, to }));
  }
  if (from === to || leadsTo(lane, to, from)) throw new CommandError(t("workflow.cycle", { from, to }));
  const edits: Edit[] = [{ op: "set", path: [...target.path, "needs"], value: [...needsOf(lane, to), need(from, on)] }];
  return { name: t("workflow.connect", { from, to }), ...withJoins(model, edits), select: [from] };
}

/** Delete an edge. */
export function disconnect(model: Model, edge: Edge): Change {
  const target = nodeById(model, edge.to);
  const lane = laneOf(model.graph, target);
  const kept = lane.edges.filter((each) => each.to === edge.to && !sameEdge(each, edge));
  const value = kept.map((each) => need(each.from, each.on));
  const edits: Edit[] = [{ op: "set", path: [...target.path, "needs"], value }];
  return { name: t("workflow.disconnect", { from: edge.from, to: edge.to }), edits };
}

/** Set the outcome of an edge. */
export function setOutcome(model: Model, edge: Edge, on: Outcome): Change {
  const target = nodeById(model, edge.to);
  const lane = laneOf(model.graph, target);
  const value = lane.edges
    .filter((each) => each.to === edge.to)
    .map((each) => need(each.from, sameEdge(each, edge) ? on : each.on));
  const edits: Edit[] = [{ op: "set", path: [...target.path, "needs"], value }];
  const name = t("workflow.setOutcome", { from: edge.from, to: edge.to, outcome: OUTCOME_NAMES[on] });
  return { name, ...withJoins(model, edits) };
}

function sameEdge(a: Edge, b: Edge): boolean {
  return a.from === b.from && a.to === b.to && a.on === b.on;
}

/** Set the value at a path; undefined deletes it. `name`: the name that undo shows. */
export function setField(model: Model, path: Path, value: Json | undefined, name: string): Change {
  if (value === undefined) {
    return { name, edits: at(model.tree, path) === undefined ? [] : [{ op: "remove", path }] };
  }
  const edits: Edit[] = [];
  for (let length = 1; length < path.length; length++) {
    const holder = path.slice(0, length);
    if (at(model.tree, holder) === undefined) {
      const inner = path.slice(length).reduceRight<Json>((made, key) => ({ [key]: made }), value);
      return { name, edits: [{ op: "set", path: holder, value: inner }] };
    }
  }
  edits.push({ op: "set", path, value });
  return { name, edits };
}

const DISABLED: Json = { expr: "true" };

/** Disable a node by a `skip_if` that is always true, or enable it again. */
export function toggleDisabled(model: Model, id: string): Change {
  const node = nodeById(model, id);
  const path = [...node.path, "skip_if"];
  const off = isDisabled(model, id);
  const edits: Edit[] = off ? [{ op: "remove", path }] : [{ op: "set", path, value: DISABLED }];
  return { name: off ? t("workflow.enable", { node: id }) : t("workflow.disable", { node: id }), edits };
}

export function isDisabled(model: Model, id: string): boolean {
  const node = model.graph.byId.get(id);
  return node !== undefined && at(model.tree, [...node.path, "skip_if", "expr"]) === "true";
}

const ID = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const RESERVED = new Set(["failure", "preprocessor", "Input"]);

/** Change the id of a node, also in edges and expressions. Throws CommandError if the id is in use or invalid. */
export function rename(model: Model, id: string, newId: string): Change {
  const node = nodeById(model, id);
  if (newId === id) return { name: "", edits: [] };
  if (!ID.test(newId)) throw new CommandError(t("workflow.invalidId"));
  if (RESERVED.has(newId) || model.graph.byId.has(newId)) throw new CommandError(t("workflow.idInUse", { id: newId }));
  const edits: Edit[] = [{ op: "set", path: [...node.path, "id"], value: newId }];
  const lane = laneOf(model.graph, node);
  for (const other of lane.nodes) {
    const needs = at(model.tree, [...other.path, "needs"]);
    if (!Array.isArray(needs)) continue;
    for (const [index, each] of needs.entries()) {
      if (each === id) edits.push({ op: "set", path: [...other.path, "needs", index], value: newId });
      else if (isTree(each) && each.node === id) {
        edits.push({ op: "set", path: [...other.path, "needs", index, "node"], value: newId });
      }
    }
  }
  edits.push(
    ...references(model.tree, id).map(
      ([path, text]): Edit => ({ op: "set", path, value: renameReferences(text, id, newId) }),
    ),
  );
  const place = at(model.tree, ["value", "ui", "nodes", id]);
  if (place !== undefined) {
    edits.push({ op: "remove", path: ["value", "ui", "nodes", id] });
    edits.push({ op: "set", path: ["value", "ui", "nodes", newId], value: place });
  }
  edits.push(...groupsAfter(model, (each) => (each === id ? newId : each)));
  return { name: t("workflow.rename", { from: id, to: newId }), edits, select: [newId] };
}

/** Return the paths and texts of the expressions that read the result (or the decision) of a node. */
export function references(tree: Json, id: string, path: Path = [], roots?: string): [Path, string][] {
  if (Array.isArray(tree)) return tree.flatMap((item, index) => references(item, id, [...path, index], roots));
  if (!isTree(tree)) return [];
  return Object.entries(tree).flatMap(([key, value]): [Path, string][] => {
    if (typeof value !== "string") return references(value, id, [...path, key], roots);
    return EXPRESSIONS.has(key) && referencePattern(id, roots).test(value) ? [[[...path, key], value]] : [];
  });
}

const INPUT = "flow_input";

/** Return the edits of the expressions that read an input of the workflow, after it was renamed. */
export function inputReferencesAfter(tree: Json, name: string, newName: string): Edit[] {
  return references(at(tree, ["value"]) ?? null, name, ["value"], INPUT).map(
    ([path, text]): Edit => ({ op: "set", path, value: renameReferences(text, name, newName, INPUT) }),
  );
}

const EXPRESSIONS = new Set(["expr", "skip_expr", "message"]);

function referencePattern(id: string, roots = "results|context"): RegExp {
  const word = id.replace(/[-]/g, "\\-");
  return new RegExp(`\\b(${roots})(\\.${word}(?![\\w$])|\\[\\s*(["'])${word}\\3\\s*\\])`, "g");
}

function renameReferences(text: string, id: string, wanted: string, roots?: string): string {
  const dotted = /^[A-Za-z_$][\w$]*$/.test(wanted) ? `.${wanted}` : `["${wanted}"]`;
  return text.replace(referencePattern(id, roots), (_, base: string, how: string) =>
    how.startsWith(".") ? base + dotted : base + how.replace(id, wanted),
  );
}

/** Delete the stored positions of all nodes. */
export function tidy(model: Model): Change {
  const ui = at(model.tree, ["value", "ui"]);
  if (!isTree(ui ?? null) || !Object.hasOwn(ui as Tree, "nodes")) return { name: "", edits: [] };
  const alone = Object.keys(ui as Tree).length === 1;
  return {
    name: t("workflow.tidy"),
    edits: [{ op: "remove", path: alone ? ["value", "ui"] : ["value", "ui", "nodes"] }],
  };
}

/** Return the modules of nodes, for the clipboard. */
export function copyNodes(model: Model, ids: readonly string[]): Tree[] {
  const chosen = new Set(ids);
  const nodes = [...model.graph.byId.values()].filter((node) => chosen.has(node.id) && !heldBy(model, node, chosen));
  return nodes.map((node) => at(model.tree, node.path)).filter(isTree);
}

/** Add nodes of a clipboard, under free ids. Edges between them are kept, others are dropped. */
export function paste(model: Model, spot: Spot, modules: Tree[], name = t("workflow.paste")): Change {
  if (modules.length === 0) throw new CommandError(t("workflow.nothingToPaste"));
  const taken = new Set(model.graph.byId.keys());
  const names = new Map<string, string>();
  for (const id of modules.flatMap(idsOf)) names.set(id, freeId(id, taken));
  const own = new Set(modules.map((module) => String(module.id)));
  const made = modules.map((module, n) => {
    const fresh = withNewIds(module, names) as Tree;
    if (n === 0 || !Array.isArray(module.needs)) return withoutNeeds(fresh);
    const needs = module.needs.filter((each) => own.has(String(isTree(each) ? each.node : each)));
    return needs.length > 0 ? { ...fresh, needs: withNewIds(needs, names) } : withoutNeeds(fresh);
  });
  return { name, edits: insertAt(model, spot, made), select: made.map((module) => String(module.id)) };
}

export function withoutNeeds({ needs: _, ...rest }: Tree): Tree {
  return rest;
}

function idsOf(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(idsOf);
  if (!isTree(value)) return [];
  const own = typeof value.id === "string" && isTree(value.value) ? [value.id] : [];
  return [...own, ...Object.values(value).flatMap(idsOf)];
}

function withNewIds(value: Json, names: Map<string, string>, key = ""): Json {
  if (Array.isArray(value)) {
    return value.map((item) =>
      key === "needs" && typeof item === "string" ? (names.get(item) ?? item) : withNewIds(item, names),
    );
  }
  if (isTree(value)) {
    const isNode = isTree(value.value);
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => {
        const labels = (name === "id" && isNode) || name === "node";
        if (labels && typeof member === "string") return [name, names.get(member) ?? member];
        return [name, withNewIds(member, names, name)];
      }),
    );
  }
  if (typeof value !== "string" || !EXPRESSIONS.has(key)) return value;
  return [...names].reduce((text, [id, wanted]) => renameReferences(text, id, wanted), value);
}

/** Return the document after a change, as data. */
export function applyChange(tree: Json, change: Change): Json {
  return change.edits.reduce(applyEdit, tree);
}
