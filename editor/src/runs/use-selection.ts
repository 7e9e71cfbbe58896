import { useCallback, useEffect, useMemo } from "react";
import { showIteration } from "../canvas/iterations";
import { type EditorStore, select as selectNodes } from "../editor/store";
import { useSearchParams } from "../routing/hooks";
import { addressOf, type Iteration, type Selection, selectionOf, shownIterationsOf } from "./selection";

/** Return the selection of the address and a function that changes it. Canvas and address follow each other. */
export function useSelection(store: EditorStore, isWorkflow: boolean): [Selection, (part: Partial<Selection>) => void] {
  const [search, setSearch] = useSearchParams();
  const selection = useMemo(() => selectionOf(search, isWorkflow), [search, isWorkflow]);
  const select = useCallback(
    (part: Partial<Selection>) => {
      // Read the current address, not the rendered one: two changes may precede a render.
      const now = selectionOf(new URLSearchParams(window.location.search), isWorkflow);
      const attempt = part.node !== undefined && part.node !== now.node ? null : now.attempt;
      setSearch(addressOf({ ...now, attempt, ...part }, isWorkflow), { replace: part.tab === undefined });
    },
    [setSearch, isWorkflow],
  );
  useEffect(() => applySelection(store, selection), [store, selection]);
  useEffect(
    () =>
      store.subscribe((now, before) => {
        if (now.selection !== before.selection) {
          const node = now.selection.at(-1) ?? null;
          if (node !== currentSelection(isWorkflow).node) select({ node });
        }
        if (now.shownIterations !== before.shownIterations) {
          const at = shownIterationsOf(now.shownIterations, now.graph);
          if (!isSameIterations(at, currentSelection(isWorkflow).at)) select({ at });
        }
      }),
    [store, select, isWorkflow],
  );
  return [selection, select];
}

const currentSelection = (isWorkflow: boolean) => selectionOf(new URLSearchParams(window.location.search), isWorkflow);

const isSameIterations = (one: readonly Iteration[], other: readonly Iteration[]) =>
  one.length === other.length &&
  one.every(({ loop, place }, n) => loop === other[n]?.loop && place === other[n]?.place);

/** Apply the selection of the address to the state of the page. */
function applySelection(store: EditorStore, { node, at }: Selection): void {
  const { graph, shownIterations } = store.getState();
  selectNodes(store, node && graph.byId.has(node) ? [node] : []);
  if (isSameIterations(shownIterationsOf(shownIterations, graph), at)) return;
  for (const loop of Object.keys(shownIterations)) {
    if (!at.some((each) => each.loop === loop)) showIteration(store.getState(), store.setState, loop, 0);
  }
  for (const { loop, place } of at) {
    if (graph.byId.has(loop) && store.getState().shownIterations[loop]?.place !== place)
      showIteration(store.getState(), store.setState, loop, place);
  }
}
