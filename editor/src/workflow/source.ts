import { type Document, isSeq, parseDocument } from "yaml";
import { changed, type Edit, same } from "./change";
import { itemLines, type Lines, spliced, throughAlias } from "./splices";
import { at, type Json } from "./types";

/** A text that cannot be read as a document: the first fault and where it is. */
export class Unreadable extends Error {
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

/** A text that was read, with what it says and the lines of the nodes of its main list. */
interface Known {
  text: string;
  tree: Json;
  /** Looked for when it is first asked. */
  nodes: Lines[] | null | (() => Lines[] | null);
}

const NODES = ["value", "modules"];
/** Whoever edits goes on from what was read or written last. */
let known: Known | null = null;

/** Reads a document's text. Throws Unreadable. */
export function read(text: string): Json {
  return knownOf(text).tree;
}

function knownOf(text: string): Known {
  if (known?.text === text) return known;
  const doc = parsed(text);
  known = { text, tree: doc.toJS() as Json, nodes: () => itemLines(text, doc, NODES) };
  return known;
}

function parsed(text: string): Document.Parsed {
  const doc = parseDocument(text, { version: "1.2", keepSourceTokens: true, logLevel: "silent" });
  const fault = doc.errors[0];
  if (fault) {
    const [place] = fault.linePos ?? [];
    throw new Unreadable(fault.message.split("\n")[0] ?? fault.message, place?.line ?? 1, place?.col ?? 1);
  }
  return doc as Document.Parsed;
}

/** An edit that this text cannot take: the place is shared by an alias, or is not there. */
export class Refused extends Error {}

/**
 * The text after an edit. Only what the edit is about is written anew: all other bytes, comments and spelling stay.
 * Where the text's form leaves no room for that (an item on a line with others), the document is written anew with its
 * comments. Of an edit within a node of the main list that node's lines alone are read. Throws Refused, NoSuchPlace.
 */
export function edited(text: string, edit: Edit): string {
  const quick = editedNode(knownOf(text), edit);
  if (quick !== null) return quick;
  const doc = parsed(text);
  const wanted = changed(doc.toJS() as Json, edit);
  for (const way of [spliced, rewritten]) {
    const made = way(text, doc, edit, wanted);
    if (made !== null && saysTheSame(made, wanted)) return made;
  }
  throw new Refused("This part of the document is shared by an alias: change it in the YAML.");
}

/** The text after an edit within one node of the main list; null where that has to be done on the whole text. */
function editedNode(before: Known, edit: Edit): string | null {
  const [value, modules, index, ...path] = edit.path;
  if (value !== NODES[0] || modules !== NODES[1] || typeof index !== "number" || path.length === 0) return null;
  if (typeof before.nodes === "function") before.nodes = before.nodes();
  const lines = before.nodes?.[index];
  if (!lines) return null;
  const { text, tree } = before;
  const list = at(tree, NODES) as Json[];
  const wanted = [changed(list[index] ?? null, { ...edit, path })];
  const made = splicedAlone(text.slice(lines.from, lines.to), { ...edit, path: [0, ...path] }, list[index], wanted);
  if (made === null) return null;
  const by = made.text.length - (lines.to - lines.from);
  const moved = (before.nodes as Lines[]).map((each, place) => {
    if (place < index) return each;
    return { from: place === index ? each.from : each.from + by, to: each.to + by };
  });
  const after = text.slice(0, lines.from) + made.text + text.slice(lines.to);
  known = { text: after, tree: changed(tree, { op: "set", path: [...NODES, index], value: made.item }), nodes: moved };
  return after;
}

/** The lines of one node after an edit, and what they say now; null where they do not say by themselves what they should. */
function splicedAlone(
  lines: string,
  edit: Edit,
  was: Json | undefined,
  wanted: Json,
): { text: string; item: Json } | null {
  try {
    const doc = parsed(lines);
    if (!same(doc.toJS() as Json, [was ?? null])) return null;
    const text = spliced(lines, doc, edit, wanted);
    if (text === null || !text.endsWith("\n")) return null;
    const said = parsed(text).toJS() as Json[];
    return same(said, wanted) ? { text, item: said[0] ?? null } : null;
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

function saysTheSame(text: string, wanted: Json): boolean {
  try {
    return same(read(text), wanted);
  } catch {
    return false;
  }
}

function rewritten(_: string, doc: Document.Parsed, edit: Edit): string | null {
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
