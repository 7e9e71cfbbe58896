import type { Editor } from "../../editor/store";

/** Return the worst severity of the problems of a node; null without problems. */
export function worstSeverity({ problems }: Editor, id: string): "error" | "warning" | null {
  const found = problems?.filter((each) => each.node === id) ?? [];
  if (found.length === 0) return null;
  return found.some((each) => each.severity === "error") ? "error" : "warning";
}
