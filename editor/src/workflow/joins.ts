import { t } from "../texts/workflow";
import { applyEdit, type Edit } from "./edit";
import { allLanes } from "./lanes";
import type { Change, Model } from "./model";
import { type Lane, type Node, type Outline, outline } from "./outline";
import { at, type Json, type Outcome } from "./types";

/** Two outcomes of which a node ends with at most one. */
interface Exclusion {
  source: string;
  first: Outcome;
  second: Outcome;
}

/** The exclusions whose first, or second, outcome must have happened. */
interface Required {
  first: ReadonlySet<Exclusion>;
  second: ReadonlySet<Exclusion>;
}

/**
 * Return the edits, and further ones for nodes that the edits would make wait for two outcomes that exclude each other:
 * these start after either outcome. `notice` names them. A `join` in the document is unchanged.
 */
export function withJoins({ tree, graph }: Model, edits: readonly Edit[]): Pick<Change, "edits" | "notice"> {
  const before = new Set(impossibleJoins(tree, graph).map((node) => node.id));
  const made = [...edits];
  const nodes: string[] = [];
  let now = edits.reduce(applyEdit, tree);
  for (;;) {
    const node = impossibleJoins(now, outline(now)).find(
      ({ id, path }) => !before.has(id) && at(now, [...path, "join"]) === undefined,
    );
    if (!node) break;
    const edit = settle(node);
    made.push(edit);
    nodes.push(node.id);
    now = applyEdit(now, edit);
  }
  return { edits: made, notice: nodes.length > 0 ? t("workflow.joinSettled", { nodes: nodes.join(", ") }) : undefined };
}

/** Return the edit after which a node starts when all its edges are settled and one is taken. */
export const settle = (node: Node): Edit => ({ op: "set", path: [...node.path, "join"], value: "settled" });

/** Return the nodes that can never run: those at which outcomes that exclude each other first meet. */
export function impossibleJoins(tree: Json, graph: Outline): Node[] {
  return allLanes(graph).flatMap((lane) => impossibleIn(tree, lane));
}

function impossibleIn(tree: Json, lane: Lane): Node[] {
  const exclusions = lane.nodes.flatMap((node) => exclusionsOf(tree, lane, node));
  if (exclusions.length === 0) return [];
  const required = new Map<string, Required>();
  const found: Node[] = [];
  for (const node of inOrder(lane)) {
    const incoming = lane.edges
      .filter((edge) => edge.to === node.id)
      .map(({ from, on }) => union([required.get(from) ?? NONE, requiredBy(exclusions, from, on)]));
    const all = (at(tree, [...node.path, "join"]) ?? "all") === "all";
    const own = all ? union(incoming) : intersection(incoming);
    required.set(node.id, own);
    if (isContradiction(own) && !incoming.some(isContradiction)) found.push(node);
  }
  return found;
}

function exclusionsOf(tree: Json, lane: Lane, node: Node): Exclusion[] {
  const used = [...new Set(lane.edges.filter((edge) => edge.from === node.id).map((edge) => edge.on))].sort();
  const ways = endings(tree, node);
  return used.flatMap((first, n) =>
    used
      .slice(n + 1)
      .filter((second) => !ways.some((way) => way.includes(first) && way.includes(second)))
      .map((second) => ({ source: node.id, first, second })),
  );
}

/** Return the sets of outcomes with which a node may end, one per way of ending. */
function endings(tree: Json, { kind, path }: Node): Outcome[][] {
  const ways = plainEndings(kind, at(tree, [...path, "value", "on_timeout"]) === "continue");
  if (at(tree, [...path, "continue_on_error"]) !== true) return ways;
  return ways.map((way) => way.map((outcome) => (outcome === "failure" ? "success" : outcome)));
}

function plainEndings(kind: string, continues: boolean): Outcome[][] {
  if (kind === "condition") {
    return [
      ["success", "true", "always"],
      ["success", "false", "always"],
      ["failure", "always"],
    ];
  }
  if (kind === "approval") {
    return [
      ["approved", "success", "always"],
      ["rejected", "failure", "always"],
      continues ? ["timeout", "always", "success"] : ["timeout", "always", "rejected", "failure"],
    ];
  }
  return [
    ["success", "always"],
    ["failure", "always"],
  ];
}

/** Return the nodes of a list, each after its sources, without those on or after a cycle. */
function inOrder(lane: Lane): Node[] {
  const open = new Map(lane.nodes.map((node) => [node.id, 0]));
  const edges = lane.edges.filter((edge) => open.has(edge.from));
  for (const { to } of edges) open.set(to, (open.get(to) ?? 0) + 1);
  const byId = new Map(lane.nodes.map((node) => [node.id, node]));
  const ordered = lane.nodes.filter((node) => open.get(node.id) === 0);
  for (const { id } of ordered) {
    for (const edge of edges) {
      const node = edge.from === id ? byId.get(edge.to) : undefined;
      if (!node) continue;
      const left = (open.get(node.id) ?? 0) - 1;
      open.set(node.id, left);
      if (left === 0) ordered.push(node);
    }
  }
  return ordered;
}

const NONE: Required = { first: new Set(), second: new Set() };

const requiredBy = (exclusions: Exclusion[], from: string, on: Outcome): Required => ({
  first: new Set(exclusions.filter(({ source, first }) => source === from && first === on)),
  second: new Set(exclusions.filter(({ source, second }) => source === from && second === on)),
});

const isContradiction = ({ first, second }: Required): boolean => [...first].some((each) => second.has(each));

const union = (parts: Required[]): Required => ({
  first: new Set(parts.flatMap(({ first }) => [...first])),
  second: new Set(parts.flatMap(({ second }) => [...second])),
});

function intersection([one, ...others]: Required[]): Required {
  if (!one) return NONE;
  return {
    first: new Set([...one.first].filter((each) => others.every(({ first }) => first.has(each)))),
    second: new Set([...one.second].filter((each) => others.every(({ second }) => second.has(each)))),
  };
}
