import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { listBodies, standsIn } from "../api/iterations";
import { useEditor, useEditorStore } from "../editing/context";
import type { Editor } from "../editing/store";
import { ENDED } from "../lib/state";
import { duration } from "../lib/time";
import { IconButton } from "../ui/controls";
import type { Node } from "../workflow/outline";
import css from "./iterations.module.css";
import { Status } from "./status";

const AGAIN_MS = 1000;

/** How many iterations (or branches) a node that holds others has opened in the run that is shown. */
export const bodiesOpened = ({ live }: Editor, id: string): number => {
  const bodies = live?.nodes[id]?.bodies;
  if (!bodies) return 0;
  return (bodies.running ?? 0) + (bodies.succeeded ?? 0) + (bodies.failed ?? 0) + (bodies.cancelled ?? 0);
};

export const isLoop = (kind: string): boolean => kind === "forloopflow" || kind === "whileloopflow";

/** Which iteration of a loop the graph shows: all together, or one by its number. */
export function IterationPicker({ node }: { node: Node }) {
  const store = useEditorStore();
  const count = useEditor((editor) => bodiesOpened(editor, node.id));
  const place = useEditor((editor) => editor.picked[node.id]?.place ?? 0);
  if (count === 0) return null;
  const pick = (next: number) => pickIteration(store.getState(), store.setState, node.id, next);
  return (
    <fieldset className={`nodrag nopan ${css.picker}`} aria-label={`Iteration of ${node.id}`}>
      <IconButton label="The iteration before" icon="back" disabled={place === 0} onClick={() => pick(place - 1)} />
      <input
        className={css.number}
        aria-label="Number of the iteration"
        inputMode="numeric"
        placeholder="all"
        value={place === 0 ? "" : place}
        onChange={(event) => pick(Math.min(Math.max(Number.parseInt(event.target.value, 10) || 0, 0), count))}
      />
      <span>of {count}</span>
      <IconButton label="The next iteration" icon="next" disabled={place >= count} onClick={() => pick(place + 1)} />
      {place > 0 && <Followed node={node} place={place} />}
    </fieldset>
  );
}

/** Shows one iteration, or all (0); what was picked inside it is let go. */
export function pickIteration(
  { picked, graph }: Editor,
  set: (part: Partial<Editor>) => void,
  loop: string,
  place: number,
): void {
  const kept = Object.entries(picked).filter(([id]) => {
    for (let each = graph.byId.get(id)?.inside; each; each = graph.byId.get(each)?.inside)
      if (each === loop) return false;
    return id !== loop;
  });
  set({ picked: { ...Object.fromEntries(kept), ...(place > 0 ? { [loop]: { place, job: null, nodes: {} } } : {}) } });
}

/** Where a loop stands: the run, or the iteration that is shown of the loop around it. */
function parentOf({ live, picked, graph }: Editor, node: Node): string | null {
  for (let id = node.inside; id; id = graph.byId.get(id)?.inside ?? null) {
    if (isLoop(graph.byId.get(id)?.kind ?? "")) return picked[id]?.job ?? null;
  }
  return live?.id ?? null;
}

/** Fetches the iteration that is shown, again and again until it has ended. */
function Followed({ node, place }: { node: Node; place: number }) {
  const store = useEditorStore();
  const workspace = useEditor((editor) => editor.workspace);
  const parent = useEditor((editor) => parentOf(editor, node));
  const inside = node.lanes[0]?.nodes ?? [];
  const found = useQuery({
    queryKey: ["iteration", workspace, parent, node.id, place],
    queryFn: async () => {
      const [body] = await listBodies(workspace, parent ?? "", node.id, place, 1);
      return body ? { body, nodes: await standsIn(workspace, body, inside) } : null;
    },
    enabled: parent !== null,
    refetchInterval: ({ state }) => (state.data && ENDED.has(state.data.body.status) ? false : AGAIN_MS),
  });
  const data = found.data;
  useEffect(() => {
    if (!data) return;
    const { picked } = store.getState();
    store.setState({ picked: { ...picked, [node.id]: { place, job: data.body.job, nodes: data.nodes } } });
  }, [store, data, node.id, place]);
  if (!data) return null;
  const took = data.body.duration_ms;
  return <Status status={data.body.status} {...(took === undefined ? {} : { word: duration(took) })} />;
}
