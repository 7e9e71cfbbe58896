import { ENDED } from "../lib/status";
import { isEqual } from "../workflow/edit";
import { type Outline, outline } from "../workflow/outline";
import { at, isTree, type Json, type Tree } from "../workflow/types";
import { nodeStateOf } from "./run-watch";
import type { Editor } from "./store";

const outlines = new WeakMap<Tree, Outline>();

/** Return the status of a node in the shown test; "outdated" if it ended before what the node does was changed. */
export function shownStatusOf(editor: Editor, id: string): string | undefined {
  const status = nodeStateOf(editor, id)?.status;
  return status && ENDED.has(status) && isOutdated(editor, id) ? "outdated" : status;
}

/** Return whether the code, the inputs or the content of a node were changed since the start of the shown test. */
export function isOutdated({ readOnly, live, tree, graph }: Editor, id: string): boolean {
  if (readOnly || !live || live.tree === tree || !isTree(live.tree)) return false;
  const now = graph.byId.get(id);
  const then = outlineOf(live.tree).byId.get(id);
  if (!now || !then) return false;
  return !isEqual(valueAt(live.tree, then.path), valueAt(tree, now.path));
}

const valueAt = (tree: Json, path: Outline["main"]["path"]) => at(tree, [...path, "value"]);

function outlineOf(tree: Tree): Outline {
  const known = outlines.get(tree) ?? outline(tree);
  outlines.set(tree, known);
  return known;
}
