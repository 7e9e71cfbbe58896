import { t } from "../texts/workflow";
import { EXAMPLES } from "./catalog";
import type { Problem } from "./fixes";
import type { Model } from "./model";
import type { Node } from "./outline";
import { at, type Json, type Path } from "./types";

/** Return a warning for each expression that is still that of a new node. */
export function exampleProblems({ tree, graph }: Model): Warning[] {
  return [...graph.byId.values()].flatMap((node) =>
    candidatesOf(tree, node)
      .filter(({ path, example }) => isExample(at(tree, path), example))
      .map(({ path, message }) => warning(node, path, message)),
  );
}

/** Return whether an expression is that of a new node, to be replaced. */
export const isExampleText = (expr: string): boolean => Object.values(EXAMPLES).includes(expr.trim());

/** Warning with the members of a problem of the server. */
export interface Warning extends Problem {
  severity: "warning";
  message: string;
}

interface Candidate {
  path: Path;
  example: string;
  message: string;
}

function candidatesOf(tree: Json, { kind, path }: Node): Candidate[] {
  const value = [...path, "value"];
  if (kind === "forloopflow") {
    const example = EXAMPLES.items;
    return [{ path: [...value, "iterator"], example, message: t("workflow.exampleItems", { example }) }];
  }
  if (kind === "whileloopflow") {
    const example = EXAMPLES.stop;
    return [{ path: [...path, "stop_after_if", "expr"], example, message: t("workflow.exampleStop", { example }) }];
  }
  const condition = {
    example: EXAMPLES.condition,
    message: t("workflow.exampleCondition", { condition: EXAMPLES.condition }),
  };
  if (kind === "condition") return [{ path: [...value, "expr"], ...condition }];
  const branches = kind === "branchone" ? at(tree, [...value, "branches"]) : null;
  if (!Array.isArray(branches)) return [];
  return branches.map((_, n) => ({ path: [...value, "branches", n, "expr"], ...condition }));
}

const isExample = (value: Json | undefined, example: string): boolean =>
  value === example || at(value, ["expr"]) === example;

const warning = (node: Node, path: Path, message: string): Warning => ({
  code: "example_value",
  severity: "warning",
  node: node.id,
  path: path.map((key) => `/${key}`).join(""),
  message,
});
