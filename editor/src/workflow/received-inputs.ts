import { isLoop } from "./kinds";
import type { Outline } from "./outline";
import { isContainer, isTree, type Json, type Tree } from "./types";

export type IterationNumbers = Readonly<Record<string, { place: number }>>;

/** Inputs of a node in a run. */
export interface ReceivedInputs {
  /** Values that it received; null while they are read, or if it has not started. */
  values: Tree | null;
  /** Expressions of its inputs. `unknown`: the received value cannot be computed again. */
  expressions: { name: string; expr: string; unknown: boolean }[];
  /** The node has no inputs. */
  empty: boolean;
}

/** Iteration (from 1) of which data is shown while all iterations of a loop are shown on the graph. */
export const DEFAULT_ITERATION = 1;

/** Return the iterations (from 1) of the loops around a node of which data is shown, outermost first. */
export function iterationsAround(graph: Outline, id: string, shown: IterationNumbers): number[] {
  const numbers: number[] = [];
  for (let each = graph.byId.get(id)?.inside; each; each = graph.byId.get(each)?.inside) {
    if (isLoop(graph.byId.get(each)?.kind ?? "")) numbers.unshift(shown[each]?.place ?? DEFAULT_ITERATION);
  }
  return numbers;
}

/** Combine the transforms of a node with the inputs that it received, if they are known. */
export function describeInputs(
  transforms: Json | undefined,
  received: { inputs: unknown; unknown: string[] } | null,
): ReceivedInputs {
  const each = Object.entries(isTree(transforms ?? null) ? (transforms as Tree) : {});
  const values = received && isTree(received.inputs as Json) ? (received.inputs as Tree) : null;
  const unknown = new Set(received?.unknown ?? each.map(([name]) => name));
  const expressions = each.flatMap(([name, transform]) =>
    isTree(transform) && transform.type === "javascript"
      ? [{ name, expr: String(transform.expr ?? "").trim(), unknown: unknown.has(name) }]
      : [],
  );
  return { values, expressions, empty: each.length === 0 && Object.keys(values ?? {}).length === 0 };
}

const REFERENCE = /^\$(?:var|res):/;

/**
 * Return the inputs of an earlier run that another run may get. `computed`: a preprocessor made them. Then they are
 * text, and what looks like a reference must not become one.
 */
export function inputsToRepeat(inputs: Tree, computed: boolean): Tree {
  return computed ? Object.fromEntries(Object.entries(inputs).filter(([, each]) => !holdsReference(each))) : inputs;
}

function holdsReference(value: Json): boolean {
  if (typeof value === "string") return REFERENCE.test(value);
  return isContainer(value) && Object.values(value).some(holdsReference);
}
