import { fetchArgs, fetchGraph, fetchResult, lastRuns, type RunGraph } from "../api/runs";
import { inputsToRepeat } from "../workflow/received-inputs";
import { isTree, type Json } from "../workflow/types";
import type { EditorStore } from "./store";

const MAX_NODES = 60;

/** Fetch the newest result of each node without one, and the inputs of the last run. */
export async function loadLastResults(store: EditorStore): Promise<true> {
  const { workspace, flow, live } = store.getState();
  const runs = live ? [] : await lastRuns(workspace, flow.path);
  const [newest] = runs;
  if (!newest) return true;
  const args = await fetchArgs(workspace, newest).catch(() => null);
  const known: Record<string, Json> = {};
  const last = await fetchGraph(workspace, newest);
  store.setState({ lastRun: { id: newest, status: last.status, graph: last, nodes: last.nodes } });
  for (const run of runs) {
    const { graph } = store.getState();
    if (graph.main.nodes.every((node) => Object.hasOwn(known, node.id))) break;
    const found = run === newest ? last : await fetchGraph(workspace, run);
    Object.assign(known, await resultsOf(workspace, found, new Set(Object.keys(known))));
  }
  store.setState((now) => ({
    results: { ...known, ...now.results },
    args: now.args ?? (isTree(args) ? inputsToRepeat(args, now.graph.preprocessor !== null) : null),
  }));
  return true;
}

async function resultsOf(workspace: string, { nodes }: RunGraph, known: Set<string>): Promise<Record<string, Json>> {
  const ended = Object.entries(nodes).filter(
    ([id, node]) => node.status === "succeeded" && node.job && !node.inside && !node.kept && !known.has(id),
  );
  const results = await Promise.all(
    ended.slice(0, MAX_NODES).map(async ([id, node]): Promise<[string, Json] | null> => {
      try {
        return [id, await fetchResult(workspace, node.job ?? "")];
      } catch {
        // Retention has deleted the result.
        return null;
      }
    }),
  );
  return Object.fromEntries(results.filter((each) => each !== null));
}
