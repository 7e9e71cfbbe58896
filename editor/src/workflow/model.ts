import type { Edit } from "./edit";
import type { Edge, Lane, Outline } from "./outline";
import type { Json, Outcome } from "./types";

/** The document that a command works on, with its graph. */
export interface Model {
  tree: Json;
  graph: Outline;
}

/**
 * The result of a command: edits in order, the name that undo shows, the selection afterwards, and what the user is to know
 * of the edits that were not asked for.
 */
export interface Change {
  name: string;
  edits: Edit[];
  select?: string[];
  notice?: string | undefined;
}

/** The position of a new node: on an edge, after a node, at the end of an edge from a node, or at the start of a list. */
export type Spot =
  | { lane: Lane; edge: Edge }
  | { lane: Lane; after: string }
  | { lane: Lane; from: string; on: Outcome | undefined; at: { x: number; y: number } }
  | { lane: Lane; start: true };
