import { t } from "../texts/workflow";
import { laneOf, setField, setOutcome } from "./commands";
import { settle } from "./joins";
import type { Change, Model } from "./model";
import { loopsBeside, moveInto } from "./move-into";
import type { Edge, Node } from "./outline";
import { unpin } from "./pins";
import { at, type Json, type Path, text } from "./types";

/** A problem as the server reports it. `path`: JSON Pointer into the document. */
export interface Problem {
  code: string;
  node: string | null;
  path: string;
}

/** A change that solves a problem, with the label of its button. */
export interface Fix {
  label: string;
  change: (model: Model) => Change;
}

/** Return the changes of which one solves a problem; empty if only the user can. */
export function fixesOf(model: Model, problem: Problem): Fix[] {
  const path = pathOf(model.tree, problem.path);
  if (REMOVED.has(problem.code)) return [removal(path)];
  const node = model.graph.byId.get(problem.node ?? "");
  return node ? (FIXES[problem.code]?.(model, node, path) ?? []) : [];
}

/** Problems of a setting without effect. */
const REMOVED = new Set([
  "retry_no_effect",
  "cache_no_effect",
  "debouncing_no_effect",
  "lock_not_used",
  "early_return_never",
]);

const removal = (path: Path): Fix => ({
  label: t("workflow.removeSetting"),
  change: (model) => setField(model, path, undefined, t("workflow.removeSettingOf", { setting: String(path.at(-1)) })),
});

/** Maximum number of loops that are offered to a node that reads the item of a loop. */
const MAX_LOOPS = 3;

/** Return the change that replaces the expression of an input by an empty value. */
function clearing(path: Path): Fix[] {
  const input = path.slice(0, -1);
  if (path.at(-1) !== "expr" || input.at(-2) !== "input_transforms") return [];
  const name = t("workflow.clearInput", { input: String(input.at(-1)) });
  return [{ label: name, change: (model) => setField(model, input, { type: "static", value: "" }, name) }];
}

const FIXES: Record<string, (model: Model, node: Node, path: Path) => Fix[]> = {
  join_never: (_, node) => [
    {
      label: t("workflow.runAfterAny"),
      change: () => ({ name: t("workflow.runAfterAnyOf", { node: node.id }), edits: [settle(node)] }),
    },
  ],
  condition_success_edge: (model, node, path) => {
    const edge = edgeAt(model, node, path);
    const fix = (label: string, on: "true" | "false" | "always"): Fix => ({
      label,
      change: (now) => setOutcome(now, edge as Edge, on),
    });
    if (!edge) return [];
    return [
      fix(t("workflow.runOnTrue"), "true"),
      fix(t("workflow.runOnFalse"), "false"),
      fix(t("workflow.runOnBoth"), "always"),
    ];
  },
  failure_edge_never: (model, node, path) => {
    const source = model.graph.byId.get(edgeAt(model, node, path)?.from ?? "");
    if (!source) return [];
    const name = t("workflow.stopOnErrorOf", { node: source.id });
    return [
      {
        label: name,
        change: (now) => setField(now, [...source.path, "continue_on_error"], undefined, name),
      },
    ];
  },
  iter_outside_loop: (model, node, path) => [
    ...loopsBeside(model, node)
      .slice(0, MAX_LOOPS)
      .map((loop) => ({
        label: t("workflow.moveInto", { node: node.id, loop: loop.id }),
        change: (now: Model) => moveInto(now, node, loop),
      })),
    ...clearing(path),
  ],
  mock_enabled: (_, node) => [
    { label: t("workflow.unpin", { node: node.id }), change: (model) => unpin(model, node.id) },
  ],
};

/** Return the edge of a node at a path: an entry of its `needs`, or the node itself for an implicit edge. */
function edgeAt({ tree, graph }: Model, node: Node, path: Path): Edge | undefined {
  const need = at(tree, path);
  const from = text(need) || text(at(need, ["node"]));
  const on = text(at(need, ["on"])) || "success";
  return laneOf(graph, node).edges.find(
    (edge) => edge.to === node.id && (!edge.explicit || (edge.from === from && edge.on === on)),
  );
}

/** Return the path of a JSON Pointer into a document. */
export function pathOf(tree: Json, pointer: string): Path {
  const path: (string | number)[] = [];
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replace(/~1/g, "/").replace(/~0/g, "~");
    path.push(Array.isArray(at(tree, path)) ? Number(key) : key);
  }
  return path;
}
