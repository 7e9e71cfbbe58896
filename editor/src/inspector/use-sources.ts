import { useMemo } from "react";
import type { Problem } from "../api/validation";
import { useEditor } from "../editor/context";
import { type Source, sourcesOf } from "../workflow/scope";
import type { Path } from "../workflow/types";

/** Return the values that expressions of a node can read, with their last data. */
export function useSources(node: string): Source[] {
  const tree = useEditor((editor) => editor.tree);
  const graph = useEditor((editor) => editor.graph);
  const results = useEditor((editor) => editor.results);
  const args = useEditor((editor) => editor.args);
  return useMemo(() => sourcesOf(tree, graph, node, results, args), [tree, graph, node, results, args]);
}

/** Return a path of the document as a JSON Pointer, the form in the problems of the server. */
export function jsonPointer(path: Path): string {
  return path.map((key) => `/${String(key).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
}

/** Return the problems at a path or below it; `own`: at the path only. */
export function useProblemsAt(path: Path, own = false): Problem[] {
  const problems = useEditor((editor) => editor.problems);
  const pointerPrefix = jsonPointer(path);
  return useMemo(
    () =>
      (problems ?? []).filter(
        (each) => each.path === pointerPrefix || (!own && each.path.startsWith(`${pointerPrefix}/`)),
      ),
    [problems, pointerPrefix, own],
  );
}
