import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Edit } from "./edit";
import { isContainer, type Json, type Path } from "./types";
import { indent, toInlineYaml, toYaml } from "./yaml";

type Collection = YAMLMap | YAMLSeq;

/** Return the text with an edit, all other bytes unchanged; null if the form of the text does not permit that. */
export function spliceEdit(text: string, doc: Document.Parsed, edit: Edit, expected: Json): string | null {
  const flow = outermostFlow(doc, edit.path);
  if (flow) return replaceFlow(text, flow.node, valueAt(expected, flow.path));
  if (edit.op === "insert") {
    const list = nodeAt(doc, edit.path);
    return isSeq(list) ? insertItem(text, list, edit.index, edit.value) : null;
  }
  const parent = nodeAt(doc, edit.path.slice(0, -1));
  const key = edit.path.at(-1);
  if (isMap(parent) && typeof key === "string") {
    const index = parent.items.findIndex((pair) => keyOf(pair) === key);
    if (edit.op === "remove") return index > 0 ? removeLines(text, parent, index) : null;
    return index < 0 ? addPair(text, parent, key, edit.value) : replacePair(text, parent, index, key, edit.value);
  }
  if (isSeq(parent) && typeof key === "number") {
    if (edit.op === "remove") return parent.items.length > 1 ? removeLines(text, parent, key) : null;
    return replaceItem(text, parent, key, edit.value);
  }
  return null;
}

// Places ------------------------------------------------------------------------------------------------------------

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

export function nodeAt(doc: Document.Parsed, path: Path): unknown {
  let found: unknown = doc.contents;
  for (const key of path) {
    if (isMap(found)) found = found.items.find((pair) => keyOf(pair) === key)?.value;
    else if (isSeq(found) && typeof key === "number") found = found.items[key];
    else return undefined;
  }
  return found;
}

export function throughAlias(doc: Document.Parsed, path: Path): boolean {
  return path.some((_, length) => isAlias(nodeAt(doc, path.slice(0, length))));
}

function valueAt(tree: Json, path: Path): Json {
  // biome-ignore lint/suspicious/noExplicitAny: the path was found in this tree
  return path.reduce<any>((value, key) => value[key], tree) as Json;
}

function outermostFlow(doc: Document.Parsed, path: Path): { node: Collection; path: Path } | null {
  for (let length = 0; length <= path.length; length++) {
    const node = nodeAt(doc, path.slice(0, length));
    const holds = length < path.length || isSeq(node);
    if ((isMap(node) || isSeq(node)) && node.flow && holds && node.items.length >= 0) {
      return { node, path: path.slice(0, length) };
    }
  }
  return null;
}

/** Return the end of the text of a node, without the comments and empty lines behind it. */
function endOf(node: unknown): number {
  if (isPair(node)) {
    if (node.value === null || node.value === undefined) return endOf(node.key);
    const end = endOf(node.value);
    return end > 0 ? end : endOf(node.key);
  }
  if ((isMap(node) || isSeq(node)) && !node.flow && node.items.length > 0) return endOf(node.items.at(-1));
  if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) return node.range?.[1] ?? 0;
  return 0;
}

function startOf(text: string, list: Collection, index: number): number {
  const item = list.items[index];
  if (isPair(item)) return isScalar(item.key) ? (item.key.range?.[0] ?? -1) : -1;
  // The dash precedes the item, with only space, a tag or an anchor between them.
  const tokens = (list.srcToken as { items?: { start: { type: string; offset: number }[] }[] } | undefined)?.items;
  return tokens?.[index]?.start.find((token) => token.type === "seq-item-ind")?.offset ?? text.length;
}

const lineStart = (text: string, offset: number) => text.lastIndexOf("\n", offset - 1) + 1;
const column = (text: string, offset: number) => offset - lineStart(text, offset);

function lineEnd(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === "\n") return offset;
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end + 1;
}

function ownLine(text: string, offset: number): boolean {
  return text.slice(lineStart(text, offset), offset).trim() === "";
}

/** Return the start of an item, with the comments above it. */
function headOf(text: string, list: Collection, index: number): number {
  if (index > 0) return lineEnd(text, endOf(list.items[index - 1]));
  return lineStart(text, startOf(text, list, 0));
}

// Splices -----------------------------------------------------------------------------------------------------------

function splice(text: string, from: number, to: number, put: string): string {
  const before = from > 0 && put && text[from - 1] !== "\n" && from === text.length ? `${text}\n` : text.slice(0, from);
  return before + (text.includes("\r\n") ? put.replace(/\r?\n/g, "\r\n") : put) + text.slice(to);
}

function replaceFlow(text: string, node: Collection, value: Json): string | null {
  const [from, to] = node.range ?? [0, 0];
  const old = text.slice(from, to);
  if (old.includes("\n")) {
    const pad = text.slice(lineStart(text, from), from).match(/^\s*/)?.[0] ?? "";
    return splice(text, from, to, JSON.stringify(value, null, 2).replace(/\n/g, `\n${pad}`));
  }
  const empty = /^[[{]\s*[\]}]$/.test(old);
  if (empty && ownBlock(value)) {
    const at = lineStart(text, from);
    const pad = text.slice(at).match(/^[\s-]*/)?.[0].length ?? 0;
    const key = /^[^:#]*:[ \t]*$/.test(text.slice(at, from));
    if (!key) return null;
    const space = text.slice(0, from).match(/[ \t]*$/)?.[0].length ?? 0;
    return splice(text, from - space, to, `\n${indent(toYaml(value), pad + 2).trimEnd()}`);
  }
  const padded = empty ? false : /^[[{]\s/.test(old);
  return splice(text, from, to, toInlineYaml(value, padded));
}

/** Return true if a value is written over several lines. */
function ownBlock(value: Json): boolean {
  return isContainer(value) && Object.keys(value).length > 0;
}

function pairText(key: string, value: Json, columns: number): string {
  return indent(toYaml({ [key]: value }), columns).trimStart();
}

function replacePair(text: string, map: YAMLMap, index: number, key: string, value: Json): string | null {
  const pair = map.items[index];
  const start = startOf(text, map, index);
  if (start < 0 || !pair) return null;
  const old = pair.value;
  const written = pairText(key, value, column(text, start)).trimEnd();
  if (isScalar(old) && old.range && !written.includes("\n") && !text.slice(old.range[0], old.range[1]).includes("\n")) {
    if (old.range[1] > old.range[0] && !/^[|>]/.test(text.slice(old.range[0]))) {
      return splice(text, old.range[0], old.range[1], written.slice(written.indexOf(":") + 1).trimStart());
    }
  }
  const end = endOf(pair);
  // A block scalar takes its last newline with it.
  return splice(text, start, end, text[end - 1] === "\n" ? `${written}\n` : written);
}

function addPair(text: string, map: YAMLMap, key: string, value: Json): string | null {
  const start = startOf(text, map, 0);
  if (start < 0) return null;
  const pad = " ".repeat(column(text, start));
  // Keys of a node such as `needs` and `summary` precede its `value`.
  const before = map.has("id") ? map.items.findIndex((pair) => keyOf(pair) === "value") : -1;
  const index = before > 0 ? before : map.items.length;
  const offset = lineEnd(text, endOf(map.items[index - 1]));
  return splice(text, offset, offset, pad + pairText(key, value, pad.length));
}

function itemText(value: Json, columns: number): string {
  return indent(toYaml([value]), columns);
}

function insertItem(text: string, list: YAMLSeq, index: number, value: Json): string | null {
  if (list.items.length === 0) return null;
  const first = startOf(text, list, 0);
  if (!ownLine(text, first)) return null;
  const offset = headOf(text, list, index);
  return splice(text, offset, offset, itemText(value, column(text, first)));
}

function replaceItem(text: string, list: YAMLSeq, index: number, value: Json): string | null {
  const start = startOf(text, list, index);
  const end = endOf(list.items[index]);
  const written = itemText(value, column(text, start)).trimStart();
  return splice(text, start, end, text[end - 1] === "\n" ? written : written.trimEnd());
}

function removeLines(text: string, list: Collection, index: number): string | null {
  if (!ownLine(text, startOf(text, list, index))) return null;
  const from = headOf(text, list, index);
  return splice(text, from, lineEnd(text, endOf(list.items[index])), "");
}

/** The range of the lines of an item, without the text between it and the next one. */
export interface Lines {
  from: number;
  to: number;
}

/**
 * Return the lines of each item of a list if each can be parsed by itself: it is on separate lines, and nothing in the
 * document is shared by an alias. Otherwise null.
 */
export function itemLines(text: string, doc: Document.Parsed, path: Path): Lines[] | null {
  const list = nodeAt(doc, path);
  if (!isSeq(list) || list.flow) return null;
  let shared = false;
  visit(doc, (_, node) => {
    shared = isAlias(node);
    return shared ? visit.BREAK : undefined;
  });
  if (shared) return null;
  const starts = list.items.map((_, index) => startOf(text, list, index));
  if (!starts.every((start) => ownLine(text, start))) return null;
  return starts.map((start, index) => ({ from: lineStart(text, start), to: lineEnd(text, endOf(list.items[index])) }));
}
