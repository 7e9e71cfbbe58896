import type { Outline } from "./outline";
import { at, isContainer, isTree, type Json } from "./types";

/** A node that contains the searched text, with the matching line. */
export interface Found {
  id: string;
  line: string;
}

const MAX_LENGTH = 120;

/**
 * Return the nodes whose id, summary or own texts (code, expressions, values) contain a word, case-insensitively, in the
 * order of the document. Texts of inner nodes count for those nodes only.
 */
export function findInNodes(tree: Json, graph: Outline, word: string): Found[] {
  const lowered = word.trim().toLowerCase();
  if (!lowered) return [];
  const found: Found[] = [];
  for (const node of graph.byId.values()) {
    const inner = new Set(node.lanes.map((lane) => lane.path.join(".")));
    const line = lineIn(at(tree, node.path) ?? null, lowered, node.path.join("."), inner);
    if (line !== null) found.push({ id: node.id, line });
  }
  return found;
}

function lineIn(value: Json, wanted: string, path: string, inner: Set<string>): string | null {
  if (inner.has(path)) return null;
  if (isContainer(value)) {
    const members: [string | number, Json][] = isTree(value) ? Object.entries(value) : [...value.entries()];
    for (const [key, member] of members) {
      const line = lineIn(member, wanted, `${path}.${key}`, inner);
      if (line !== null) return line;
    }
    return null;
  }
  const line = String(value ?? "")
    .split("\n")
    .find((each) => each.toLowerCase().includes(wanted));
  return line === undefined ? null : line.trim().slice(0, MAX_LENGTH);
}
