import { type Document, isSeq, parseDocument } from "yaml";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/workflow";
import { applyEdit, type Edit, isEqual } from "./edit";
import { itemLines, type Lines, spliceEdit, throughAlias } from "./splices";
import { at, type Json } from "./types";
import { EXACT_NUMBERS, toYaml } from "./yaml";

/** A text that is not valid YAML: the first error and its position. */
export class ParseError extends Error {
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

/** A parsed text with its value and the lines of the nodes of its main list. */
interface ParsedSource {
  text: string;
  tree: Json;
  /** Computed when first needed. */
  nodes: Lines[] | null | (() => Lines[] | null);
}

const NODES = ["value", "modules"];
/** The last text that was read or written, from which the next edit usually starts. */
let lastParsed: ParsedSource | null = null;

/** Parse the text of a document. Throws ParseError. */
export function parseSource(text: string): Json {
  return parseCached(text).tree;
}

/** Return a document as YAML text, which is remembered with its value. */
export function writeSource(tree: Json): string {
  const text = toYaml(tree);
  rememberSource(text, tree);
  return text;
}

/** Remember the value of a text, so that the text is not parsed. */
export function rememberSource(text: string, tree: Json): void {
  lastParsed = { text, tree, nodes: () => itemLines(text, parsed(text), NODES) };
}

/**
 * Parse the text of a document that is opened, which may be JSON: that needs no parser of YAML, which takes a hundred
 * times as long. Throws ParseError.
 */
export function parseOpened(text: string): Json {
  const tree = text.startsWith("{") ? readJson(text) : undefined;
  if (tree === undefined) return parseSource(text);
  rememberSource(text, tree);
  return tree;
}

function readJson(text: string): Json | undefined {
  try {
    return parseJson(text) as Json;
  } catch {
    return undefined;
  }
}

function parseCached(text: string): ParsedSource {
  if (lastParsed?.text === text) return lastParsed;
  const doc = parsed(text);
  lastParsed = { text, tree: doc.toJS() as Json, nodes: () => itemLines(text, doc, NODES) };
  return lastParsed;
}

function parsed(text: string): Document.Parsed {
  const doc = parseDocument(text, { ...EXACT_NUMBERS, version: "1.2", keepSourceTokens: true, logLevel: "silent" });
  const fault = doc.errors[0];
  if (fault) {
    const [place] = fault.linePos ?? [];
    throw new ParseError(fault.message.split("\n")[0] ?? fault.message, place?.line ?? 1, place?.col ?? 1);
  }
  return doc as Document.Parsed;
}

/** An edit that is not possible in this text because the path leads through an alias. */
export class EditRefused extends Error {}

/**
 * Return the text after an edit. Only the edited part is rewritten: all other bytes, comments and spelling stay. If the
 * form of the text does not permit that (an item on a line with others), the whole document is rewritten with its
 * comments. For an edit within a node of the main list only the lines of that node are parsed. Throws EditRefused,
 * PathNotFound.
 */
export function editSource(text: string, edit: Edit): string {
  const quick = editNode(parseCached(text), edit);
  if (quick !== null) return quick;
  const doc = parsed(text);
  const expected = applyEdit(doc.toJS() as Json, edit);
  for (const way of [spliceEdit, rewriteDocument]) {
    const made = way(text, doc, edit, expected);
    if (made !== null && parsesTo(made, expected)) return made;
  }
  throw new EditRefused(t("workflow.sharedByAlias"));
}

/** Return the text after an edit within one node of the main list; null if that requires the whole text. */
function editNode(before: ParsedSource, edit: Edit): string | null {
  const [value, modules, index, ...path] = edit.path;
  if (value !== NODES[0] || modules !== NODES[1] || typeof index !== "number" || path.length === 0) return null;
  if (typeof before.nodes === "function") before.nodes = before.nodes();
  const lines = before.nodes?.[index];
  if (!lines) return null;
  const { text, tree } = before;
  const list = at(tree, NODES) as Json[];
  const wanted = [applyEdit(list[index] ?? null, { ...edit, path })];
  const made = spliceNode(text.slice(lines.from, lines.to), { ...edit, path: [0, ...path] }, list[index], wanted);
  if (made === null) return null;
  const by = made.text.length - (lines.to - lines.from);
  const moved = (before.nodes as Lines[]).map((each, place) => {
    if (place < index) return each;
    return { from: place === index ? each.from : each.from + by, to: each.to + by };
  });
  const after = text.slice(0, lines.from) + made.text + text.slice(lines.to);
  lastParsed = {
    text: after,
    tree: applyEdit(tree, { op: "set", path: [...NODES, index], value: made.item }),
    nodes: moved,
  };
  return after;
}

/** Return the lines of one node after an edit with their value; null if they alone do not have the expected value. */
function spliceNode(
  lines: string,
  edit: Edit,
  was: Json | undefined,
  wanted: Json,
): { text: string; item: Json } | null {
  try {
    const doc = parsed(lines);
    if (!isEqual(doc.toJS() as Json, [was ?? null])) return null;
    const text = spliceEdit(lines, doc, edit, wanted);
    if (text === null || !text.endsWith("\n")) return null;
    const found = parsed(text).toJS() as Json[];
    return isEqual(found, wanted) ? { text, item: found[0] ?? null } : null;
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

function parsesTo(text: string, wanted: Json): boolean {
  try {
    return isEqual(parseSource(text), wanted);
  } catch {
    return false;
  }
}

function rewriteDocument(_: string, doc: Document.Parsed, edit: Edit): string | null {
  if (throughAlias(doc, edit.path)) return null;
  if (edit.op === "remove") doc.deleteIn(edit.path);
  else if (edit.op === "set") doc.setIn(edit.path, doc.createNode(edit.value));
  else {
    const list = doc.getIn(edit.path, true);
    if (!isSeq(list)) return null;
    list.items.splice(edit.index, 0, doc.createNode(edit.value));
  }
  return doc.toString({ lineWidth: 0 });
}
