import type { ShownIteration } from "../editor/store";
import type { Outline } from "../workflow/outline";

export const TABS = ["graph", "timeline", "logs", "data"] as const;
export type Tab = (typeof TABS)[number];

/** One iteration of a loop; `place` counts from 1. */
export interface Iteration {
  loop: string;
  place: number;
}

/** Selection on the page of a run. `attempt` null: the last one; `at`: the iterations around the node, outermost first. */
export interface Selection {
  tab: Tab;
  node: string | null;
  attempt: number | null;
  at: readonly Iteration[];
}

/** Return the default tab: the graph, or the data for a script. */
export const firstTab = (isWorkflow: boolean): Tab => (isWorkflow ? "graph" : "data");

/** Return the selection of an address. */
export function selectionOf(search: URLSearchParams, isWorkflow: boolean): Selection {
  const tab = TABS.find((each) => each === search.get("tab")) ?? firstTab(isWorkflow);
  const attempt = Number.parseInt(search.get("attempt") ?? "", 10);
  return { tab, node: search.get("node") || null, attempt: attempt > 0 ? attempt : null, at: atOf(search.get("at")) };
}

function atOf(text: string | null): Iteration[] {
  const parts = (text ?? "").split(".");
  const at: Iteration[] = [];
  for (let n = 0; n + 1 < parts.length; n += 2) {
    const place = Number.parseInt(parts[n + 1] ?? "", 10);
    if (place > 0) at.push({ loop: parts[n] ?? "", place });
  }
  return at;
}

/** Return the address of a selection: `at` is a list of `loop.place`, separated by dots. */
export function addressOf({ tab, node, attempt, at }: Selection, isWorkflow: boolean): URLSearchParams {
  const search = new URLSearchParams();
  if (tab !== firstTab(isWorkflow)) search.set("tab", tab);
  if (node) search.set("node", node);
  if (attempt !== null) search.set("attempt", String(attempt));
  if (at.length > 0) search.set("at", at.map(({ loop, place }) => `${loop}.${place}`).join("."));
  return search;
}

/** Return the shown iterations of the page, outermost first. */
export function shownIterationsOf(picked: Record<string, ShownIteration>, graph: Outline): Iteration[] {
  const depth = (id: string) => {
    let found = 0;
    for (let each = graph.byId.get(id)?.inside; each; each = graph.byId.get(each)?.inside) found++;
    return found;
  };
  return Object.entries(picked)
    .map(([loop, { place }]) => ({ loop, place }))
    .sort((one, other) => depth(one.loop) - depth(other.loop));
}
