import { t } from "../texts/workflow";
import { at, isTree, type Json, OUTCOMES, type Outcome, type Path, type Tree, text } from "./types";

/** An edge between two nodes of one list. `explicit`: from `needs`, otherwise implied by the order of the list. */
export interface Edge {
  from: string;
  to: string;
  on: Outcome;
  explicit: boolean;
}

/** A node. `path` leads to it, `list` to the list that contains it. */
export interface Node {
  id: string;
  path: Path;
  list: Path;
  index: number;
  kind: string;
  language: string;
  summary: string;
  inside: string | null;
  lanes: Lane[];
}

/** A list of nodes: the workflow itself, the body of a loop, one branch. `graph`: some of its nodes have `needs`. */
export interface Lane {
  path: Path;
  title: string;
  nodes: Node[];
  edges: Edge[];
  graph: boolean;
}

/** The whole workflow as a tree of lists, with the nodes outside the main list. */
export interface Outline {
  main: Lane;
  failure: Node | null;
  preprocessor: Node | null;
  byId: Map<string, Node>;
}

/** Read the graph of a document. Items that are not nodes are ignored. */
export function outline(tree: Json): Outline {
  const byId = new Map<string, Node>();
  const outerNode = (key: string) => {
    const path = ["value", key];
    const found = at(tree, path);
    return isTree(found) ? readNode(found, path, ["value"], 0, null, byId) : null;
  };
  const main = readLane(tree, ["value", "modules"], "", null, byId);
  return { main, failure: outerNode("failure_module"), preprocessor: outerNode("preprocessor_module"), byId };
}

function readLane(tree: Json, path: Path, title: string, inside: string | null, byId: Map<string, Node>): Lane {
  const items = at(tree, path);
  const modules = Array.isArray(items) ? items : [];
  const nodes: Node[] = [];
  for (const [index, module] of modules.entries()) {
    if (isTree(module)) nodes.push(readNode(module, [...path, index], path, index, inside, byId, tree));
  }
  return { path, title, nodes, ...edgesOf(modules, nodes) };
}

function readNode(
  module: Tree,
  path: Path,
  list: Path,
  index: number,
  inside: string | null,
  byId: Map<string, Node>,
  tree: Json = module,
): Node {
  const value = isTree(module.value) ? module.value : {};
  const kind = text(value.type);
  const id = text(module.id) || `${list.join(".")}.${index}`;
  const node: Node = {
    id,
    path,
    list,
    index,
    kind,
    language: kind === "rawscript" ? text(value.language) : "",
    summary: text(module.summary),
    inside,
    lanes: [],
  };
  byId.set(id, node);
  const root = tree === module ? wrap(module, path) : tree;
  node.lanes = lanesOf(value, [...path, "value"]).map(([lane, title]) => readLane(root, lane, title, id, byId));
  return node;
}

/** Return a document that contains only one node, for nodes outside the main list. */
function wrap(module: Tree, path: Path): Json {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), module);
}

function lanesOf(value: Tree, path: Path): [Path, string][] {
  if (value.type === "forloopflow" || value.type === "whileloopflow") return [[[...path, "modules"], ""]];
  if (value.type !== "branchone" && value.type !== "branchall") return [];
  const branches = Array.isArray(value.branches) ? value.branches : [];
  const lanes: [Path, string][] = branches.map((branch, number) => [
    [...path, "branches", number, "modules"],
    branchTitle(branch, number),
  ]);
  if (value.type === "branchone") lanes.push([[...path, "default"], t("workflow.otherwise")]);
  return lanes;
}

function branchTitle(branch: Json, number: number): string {
  const numbered = t("workflow.branch", { number: number + 1 });
  if (!isTree(branch)) return numbered;
  return text(branch.summary) || text(branch.label) || text(branch.expr) || numbered;
}

function edgesOf(modules: Json[], nodes: Node[]): { edges: Edge[]; graph: boolean } {
  const edges: Edge[] = [];
  let graph = false;
  for (const [place, node] of nodes.entries()) {
    const module = modules[node.index];
    const needs = isTree(module) ? module.needs : undefined;
    if (Array.isArray(needs)) {
      graph = true;
      for (const need of needs) {
        const edge = readEdge(need, node.id);
        if (edge) edges.push(edge);
      }
    } else if (place > 0) {
      edges.push({ from: nodes[place - 1]?.id ?? "", to: node.id, on: "success", explicit: false });
    }
  }
  return { edges, graph };
}

function readEdge(need: Json, to: string): Edge | null {
  if (typeof need === "string") return { from: need, to, on: "success", explicit: true };
  if (!isTree(need) || typeof need.node !== "string") return null;
  // A key `true` is what an older reader of YAML makes of `on`.
  const outcome = String(need.on ?? need.true ?? "success");
  const on = OUTCOMES.find((each) => each === outcome) ?? "success";
  return { from: need.node, to, on, explicit: true };
}

/** Return the outcomes that edges from a kind of node can have. */
export function outcomesOf(kind: string): readonly Outcome[] {
  if (kind === "condition") return ["true", "false", "success", "failure", "always"];
  if (kind === "approval") return ["success", "approved", "rejected", "timeout", "failure", "always"];
  return ["success", "failure", "always"];
}
