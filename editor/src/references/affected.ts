import type { Reference } from "../api/references";

/** Return the references that a new version of the item affects: not those that are pinned to another, or use it
 * through one that is. `references` are in the order of their distance. */
export function affectedBy(references: readonly Reference[]): Reference[] {
  const affected = new Set<string>();
  return references.filter(({ kind, path, pinned, through }) => {
    if (pinned || (through && !affected.has(`${through.kind} ${through.path}`))) return false;
    affected.add(`${kind} ${path}`);
    return true;
  });
}
