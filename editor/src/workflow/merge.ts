import { t } from "../texts/workflow";
import { applyEdit, type Edit, isEqual } from "./edit";
import type { Change } from "./model";
import { type Lane, type Node, outline } from "./outline";
import { at, isTree, type Json, type Path, type Tree } from "./types";

export type Choice = "mine" | "theirs";

/**
 * A node or setting that differs from the common base document. `state`: the side that changed it; `mine` and `theirs` are
 * undefined if it is missing on that side.
 */
export interface Part {
  key: string;
  name: string;
  kind: "node" | "settings";
  state: Choice | "both";
  mine: Json | undefined;
  theirs: Json | undefined;
}

/** Return the differences in document order, nodes first, without those that both sides made alike. */
export function findDifferences(base: Json, mine: Json, theirs: Json): Part[] {
  const sides = [base, mine, theirs].map((tree) => ({ nodes: nodesOf(tree), settings: settingsOf(tree) }));
  const [was, ours, other] = sides as [Side, Side, Side];
  const parts: Part[] = [];
  const add = (kind: Part["kind"], key: string, values: (Json | undefined)[]) => {
    const [before, my, their] = values;
    const [moved, arrived] = [!isEqual(before, my), !isEqual(before, their)];
    if (isEqual(my, their)) return;
    const state = moved && arrived ? "both" : moved ? "mine" : "theirs";
    parts.push({ key: `${kind} ${key}`, name: key, kind, state, mine: my, theirs: their });
  };
  const ids = new Set([...ours.nodes.keys(), ...other.nodes.keys(), ...was.nodes.keys()]);
  for (const id of ids) add("node", id, [was.nodes.get(id), ours.nodes.get(id), other.nodes.get(id)]);
  const keys = new Set([...ours.settings.keys(), ...other.settings.keys(), ...was.settings.keys()]);
  for (const key of keys)
    add("settings", key, [was.settings.get(key), ours.settings.get(key), other.settings.get(key)]);
  return parts;
}

/** Return the change of my document that applies the parts chosen from theirs. */
export function mergeParts(
  mine: Json,
  theirs: Json,
  parts: readonly Part[],
  choices: ReadonlyMap<string, Choice>,
): Change {
  let tree = mine;
  const edits: Edit[] = [];
  const taken = parts.filter((part) => choices.get(part.key) === "theirs");
  for (const part of inOrder(taken, theirs)) {
    for (const edit of editsFor(tree, theirs, part)) {
      tree = applyEdit(tree, edit);
      edits.push(edit);
    }
  }
  return { name: t("workflow.merge"), edits };
}

interface Side {
  nodes: Map<string, Json>;
  settings: Map<string, Json>;
}

/** Sort parts so that holders precede their contents, in document order. */
function inOrder(parts: readonly Part[], theirs: Json): Part[] {
  const order = [...allNodes(theirs)].map((node) => node.id);
  const place = (part: Part) => (order.includes(part.name) ? order.indexOf(part.name) : order.length);
  return [...parts].sort((one, other) => place(one) - place(other));
}

function* allNodes(tree: Json): Generator<Node> {
  yield* inLane(outline(tree).main);
}

function* inLane(lane: Lane): Generator<Node> {
  for (const node of lane.nodes) {
    yield node;
    for (const inner of node.lanes) yield* inLane(inner);
  }
}

/** Return the nodes by id, each without the nodes in it and with its position. */
function nodesOf(tree: Json): Map<string, Json> {
  const found = new Map<string, Json>();
  for (const node of allNodes(tree)) {
    const module = at(tree, node.path);
    if (isTree(module))
      found.set(node.id, { ...withoutNodes(module), ...(node.inside ? { inside: positionOf(node) } : {}) });
  }
  return found;
}

/** Return the holder and the name of its list, as text. */
function positionOf(node: Node): string {
  return `${node.inside} ${node.list.slice(node.list.lastIndexOf("value") + 1).join(".")}`;
}

/** Return a module with its lists of nodes emptied. */
function withoutNodes(module: Tree): Tree {
  const value = module.value;
  if (!isTree(value)) return module;
  const emptied: Tree = { ...value };
  if (Array.isArray(value.modules)) emptied.modules = [];
  if (Array.isArray(value.default)) emptied.default = [];
  if (Array.isArray(value.branches)) {
    emptied.branches = value.branches.map((branch) => (isTree(branch) ? { ...branch, modules: [] } : branch));
  }
  return { ...module, value: emptied };
}

const LISTS = new Set(["modules"]);

/** Return the settings of the workflow by path: keys of the document, and those of `value`. */
function settingsOf(tree: Json): Map<string, Json> {
  const found = new Map<string, Json>();
  if (!isTree(tree)) return found;
  for (const [key, value] of Object.entries(tree)) if (key !== "value") found.set(key, value);
  const value = tree.value;
  if (isTree(value)) {
    for (const [key, inner] of Object.entries(value)) if (!LISTS.has(key)) found.set(`value.${key}`, inner);
  }
  return found;
}

function editsFor(tree: Json, theirs: Json, part: Part): Edit[] {
  if (part.kind === "settings") return [...setAll(tree, part.name.split("."), part.theirs)];
  const ourNode = outline(tree).byId.get(part.name);
  if (part.theirs === undefined) return ourNode ? [{ op: "remove", path: ourNode.path }] : [];
  const theirNode = outline(theirs).byId.get(part.name);
  const module = theirNode && at(theirs, theirNode.path);
  if (!theirNode || !isTree(module)) return [];
  if (!ourNode) return inserted(tree, theirs, theirNode, withoutNodes(module));
  if (ourNode.inside === theirNode.inside && positionOf(ourNode) === positionOf(theirNode)) {
    return [...rewritten(tree, ourNode.path, at(tree, ourNode.path), module)];
  }
  const whole = at(tree, ourNode.path);
  if (!isTree(whole)) return [];
  const without = applyEdit(tree, { op: "remove", path: ourNode.path });
  return [
    { op: "remove", path: ourNode.path },
    ...inserted(without, theirs, theirNode, { ...whole, ...withoutNodes(module) }),
  ];
}

/** Insert a node at its position on the other side: behind its nearest predecessor there that exists here. */
function inserted(tree: Json, theirs: Json, wanted: Node, module: Tree): Edit[] {
  const here = outline(tree);
  const holder = wanted.inside === null ? null : here.byId.get(wanted.inside);
  if (holder === undefined) return [];
  const path = holder ? [...holder.path, ...wanted.list.slice(holderLength(theirs, wanted))] : wanted.list;
  const list = at(tree, path);
  if (!Array.isArray(list)) {
    return path.length > 0 && at(tree, path.slice(0, -1)) !== undefined ? [{ op: "set", path, value: [module] }] : [];
  }
  const siblings = at(theirs, wanted.list);
  const before = Array.isArray(siblings) ? siblings.slice(0, wanted.index).reverse() : [];
  const idOf = (each: Json) => (isTree(each) ? each.id : undefined);
  const previous = before.map((each) => list.findIndex((other) => idOf(other) === idOf(each))).find((n) => n >= 0);
  return [{ op: "insert", path, index: previous === undefined ? 0 : previous + 1, value: module }];
}

function holderLength(theirs: Json, wanted: Node): number {
  return outline(theirs).byId.get(wanted.inside ?? "")?.path.length ?? 0;
}

/** Turn a module into another one, except its nodes, key by key, so that equal parts keep their spelling. */
function* rewritten(tree: Json, path: Path, from: Json | undefined, to: Tree): Generator<Edit> {
  if (!isTree(from)) return;
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [one, other] = [from[key], to[key]];
    const place = [...path, key];
    if (isEqual(one, other)) continue;
    if (key === "value" && isTree(one) && isTree(other)) yield* rewrittenValue(tree, place, one, other);
    else yield* setAll(tree, place, other);
  }
}

function* rewrittenValue(tree: Json, path: Path, from: Tree, to: Tree): Generator<Edit> {
  const unchangedKeys = from.type === to.type ? new Set(["modules", "default"]) : new Set<string>();
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (unchangedKeys.has(key) || isEqual(from[key], to[key])) continue;
    const [one, other] = [from[key], to[key]];
    if (key === "branches" && Array.isArray(one) && Array.isArray(other)) yield* branches([...path, key], one, other);
    else yield* setAll(tree, [...path, key], other);
  }
}

/** Replace the settings of branches in their order and keep their nodes. */
function* branches(path: Path, from: Json[], to: Json[]): Generator<Edit> {
  for (let n = from.length - 1; n >= to.length; n--) yield { op: "remove", path: [...path, n] };
  for (const [n, other] of to.entries()) {
    const one = from[n];
    if (!isTree(other)) continue;
    if (!isTree(one)) {
      yield { op: "insert", path, index: n, value: { ...other, modules: [] } };
      continue;
    }
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      if (key === "modules" || isEqual(one[key], other[key])) continue;
      const value = other[key];
      if (value === undefined) yield { op: "remove", path: [...path, n, key] };
      else yield { op: "set", path: [...path, n, key], value };
    }
  }
}

function* setAll(tree: Json, path: Path, value: Json | undefined): Generator<Edit> {
  if (value !== undefined) yield { op: "set", path, value };
  else if (at(tree, path) !== undefined) yield { op: "remove", path };
}
