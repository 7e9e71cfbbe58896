import { t } from "../texts/workflow";
import type { Warning } from "./examples";
import type { Model } from "./model";
import { at, isContainer, type Json, type Path } from "./types";

const BRACES = /^\s*\{\{[\s\S]*\}\}\s*$/;

/** Return a warning for each expression in double braces, as other products write them; in JavaScript they are a block. */
export function braceProblems({ tree, graph }: Model): Warning[] {
  const nodes = [...graph.byId.values()];
  return expressionsIn(at(tree, ["value"]), ["value"]).map((path) => ({
    code: "braces_in_expression",
    severity: "warning",
    // The innermost node that contains the expression.
    node:
      nodes
        .filter((node) => node.path.every((key, n) => path[n] === key))
        .reduce<(typeof nodes)[number] | null>(
          (inner, node) => (node.path.length > (inner?.path.length ?? 0) ? node : inner),
          null,
        )?.id ?? null,
    path: path.map((key) => `/${key}`).join(""),
    message: t("workflow.bracesInExpression"),
  }));
}

/** Return the paths of the expressions in double braces in a value. */
function expressionsIn(value: Json | undefined, path: Path): Path[] {
  if (!isContainer(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === "expr" && typeof inner === "string" && BRACES.test(inner)) return [place];
    return expressionsIn(inner, place);
  });
}
