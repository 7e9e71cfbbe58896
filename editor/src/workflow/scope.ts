import type { ExactNumber } from "../lib/exact-number";
import { t } from "../texts/workflow";
import { laneOf } from "./commands";
import { kindOf } from "./kinds";
import type { Node, Outline } from "./outline";
import { type Pin, pinOf } from "./pins";
import { at, isContainer, isTree, type Json, type Tree } from "./types";

/** The known part of a value: the value itself, or its shape with `undefined` for unknown parts. */
export type Known = undefined | null | boolean | number | ExactNumber | string | Known[] | { [key: string]: Known };
export type KnownTree = { [key: string]: Known };

/** A value that expressions of a node can read: its expression, its origin and its last value. */
export interface Source {
  expr: string;
  title: string;
  icon: string;
  value: Known;
}

const WORD = /^[A-Za-z_$][\w$]*$/;
const MAX_DEPTH = 6;

/** Return the access to a member in an expression: `.name`, `["a name"]`, `[0]`. */
export function member(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return WORD.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

export function isKnownTree(value: Known): value is KnownTree {
  return isTree(value);
}

/** Return the ids of the nodes whose results a node can read, the nearest first: those before it and its holders. */
export function ancestors(graph: Outline, id: string): string[] {
  const found = new Set<string>();
  for (let node = graph.byId.get(id); node; node = node.inside ? graph.byId.get(node.inside) : undefined) {
    if (node.list.length < 2) break;
    for (const each of before(graph, node)) found.add(each);
  }
  return [...found];
}

function before(graph: Outline, node: Node): string[] {
  const { edges } = laneOf(graph, node);
  const seen = new Set([node.id]);
  for (const each of seen) for (const edge of edges) if (edge.to === each) seen.add(edge.from);
  seen.delete(node.id);
  return [...seen];
}

/** Return the values that expressions of a node can read, the nearest first. `args`: the last input of the workflow. */
export function sourcesOf(
  tree: Json,
  graph: Outline,
  id: string,
  results: Record<string, Json>,
  args: Tree | null,
): Source[] {
  const outputs = { ...results, ...pinnedOutputs(tree, graph) };
  const loop = loopAround(graph, id);
  const inputs = { ...asTree(shapeOf(at(tree, ["schema"]))), ...args };
  const sources: Source[] = ancestors(graph, id).map((each) => {
    const node = graph.byId.get(each);
    const title = node?.summary ? `${each} · ${node.summary}` : each;
    return {
      expr: `results${member(each)}`,
      title,
      icon: kindOf(node?.kind ?? "", node?.language).icon,
      value: outputs[each],
    };
  });
  if (loop) {
    const iter = { value: itemOf(tree, loop, outputs), index: 0 };
    sources.unshift({
      expr: "flow_input.iter",
      title: t("workflow.loopItem", { loop: loop.id }),
      icon: "loop",
      value: iter,
    });
  }
  sources.push({ expr: "flow_input", title: t("workflow.input"), icon: "play", value: inputs });
  return sources;
}

/** Return the pinned outputs that nodes return instead of running. */
function pinnedOutputs(tree: Json, graph: Outline): Record<string, Json> {
  const pins = [...graph.byId.values()].map((node): [string, Pin | null] => [node.id, pinOf(at(tree, node.path))]);
  return Object.fromEntries(pins.flatMap(([id, pin]) => (pin?.enabled ? [[id, pin.value]] : [])));
}

function asTree(value: Known): KnownTree {
  return isKnownTree(value) ? value : {};
}

function loopAround(graph: Outline, id: string): Node | null {
  let node = graph.byId.get(id);
  while (node?.inside) {
    node = graph.byId.get(node.inside);
    if (node?.kind === "forloopflow" || node?.kind === "whileloopflow") return node;
  }
  return null;
}

/** Return the first item of a loop whose iterator is a plain path. */
function itemOf(tree: Json, loop: Node, results: Record<string, Json>): Known {
  const expr = at(tree, [...loop.path, "value", "iterator", "expr"]);
  const path = typeof expr === "string" ? pathOf(expr) : null;
  const list = path?.[0] === "results" ? valueAt(results, path.slice(1)) : undefined;
  return Array.isArray(list) ? list[0] : undefined;
}

/** Return the value at a path, undefined if it is unknown. */
export function valueAt(value: Known, path: readonly (string | number)[]): Known {
  return path.reduce<Known>((found, key) => {
    if (Array.isArray(found)) return typeof key === "number" ? found[key] : undefined;
    return isKnownTree(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }, value);
}

/** Return the shape of the values of a JSON Schema, with its defaults and examples as values. */
export function shapeOf(schema: Json | undefined, depth = 0): Known {
  if (!isTree(schema ?? null) || depth > MAX_DEPTH) return undefined;
  const definition = schema as Tree;
  const example = definition.default ?? (Array.isArray(definition.examples) ? definition.examples[0] : undefined);
  if (isTree(definition.properties ?? null)) {
    const shape = Object.entries(definition.properties as Tree).map(([name, each]) => [name, shapeOf(each, depth + 1)]);
    return { ...Object.fromEntries(shape), ...(isTree(example ?? null) ? (example as Tree) : {}) };
  }
  if (example !== undefined) return example;
  return definition.type === "array" ? [shapeOf(definition.items, depth + 1)] : undefined;
}

const STEP = /^(?:\??\.([A-Za-z_$][\w$]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\['([^'\\]*)'\])/;

/** Return the members of an expression that is a plain path, such as `results.a[0]`; null for other expressions. */
export function pathOf(expr: string): (string | number)[] | null {
  let rest = expr.trim();
  const root = rest.match(/^[A-Za-z_$][\w$]*/)?.[0];
  if (!root) return null;
  const path: (string | number)[] = [root];
  rest = rest.slice(root.length);
  while (rest) {
    const step = rest.match(STEP);
    if (!step) return null;
    const [whole, word, index, double, single] = step;
    path.push(index !== undefined ? Number(index) : (word ?? single ?? (JSON.parse(`"${double}"`) as string)));
    rest = rest.slice(whole.length);
  }
  return path;
}

const CONNECTING = new Set(["results", "flow_input", "previous_result"]);

/** Return true if an expression only passes on a result of a node or an input of the workflow. */
export function isConnection(expr: string): boolean {
  const path = pathOf(expr);
  return path !== null && CONNECTING.has(String(path[0])) && (path.length > 1 || path[0] !== "results");
}

/** Return a short text about a value. */
export function preview(value: Known): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return t("workflow.items", { count: value.length });
  if (isKnownTree(value)) return t("workflow.keys", { count: Object.keys(value).length });
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

/** A line of the data picker: the inserted expression, its label and the value. */
export interface Row {
  expr: string;
  key: string;
  value: Known;
}

const MAX_ITEMS = 20;

/** Return the members of a value, one level deep. */
export function rowsOf(expr: string, value: Known): Row[] {
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ITEMS).map((each, n) => ({ expr: expr + member(n), key: `[${n}]`, value: each }));
  }
  if (!isKnownTree(value)) return [];
  return Object.entries(value).map(([key, each]) => ({ expr: expr + member(key), key, value: each }));
}

/** Return the expression of the only value of a name: the result of a node, or a member of one or of the input; else null. */
export function namesakeOf(sources: readonly Source[], name: string): string | null {
  const found = sources.flatMap((source) => [
    ...(source.expr === `results${member(name)}` ? [source.expr] : []),
    ...rowsOf(source.expr, source.value).flatMap(({ key, expr }) => (key === name ? [expr] : [])),
  ]);
  return found.length === 1 ? (found[0] ?? null) : null;
}

const SEARCH_LIMIT = 20_000;

/** Return the rows whose expression or value contains all words, at most `most`. */
export function search(sources: readonly Source[], words: string, most = 50): Row[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Row[] = [];
  const waiting: (Row & { depth: number })[] = sources.map((each) => ({ ...each, key: each.expr, depth: 0 }));
  for (let index = 0; index < waiting.length && index < SEARCH_LIMIT && found.length < most; index++) {
    const row = waiting[index];
    if (!row) break;
    const plain = isContainer(row.value) ? "" : String(row.value ?? "");
    const text = `${row.expr} ${plain}`.toLowerCase();
    if (wanted.every((word) => text.includes(word))) found.push({ ...row, key: row.expr });
    if (row.depth < MAX_DEPTH) {
      for (const inner of rowsOf(row.expr, row.value)) waiting.push({ ...inner, depth: row.depth + 1 });
    }
  }
  return found;
}
