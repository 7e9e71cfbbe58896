import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useShallow } from "zustand/react/shallow";
import { listBodies, markReused, nodeStatesIn } from "../api/iterations";
import { useEditor, useEditorStore } from "../editor/context";
import { runOf } from "../editor/run-watch";
import type { Editor } from "../editor/store";
import { ENDED } from "../lib/status";
import { duration } from "../lib/time";
import { t } from "../texts/canvas";
import { IconButton } from "../ui/controls";
import { Status } from "../ui/status";
import { isLoop } from "../workflow/kinds";
import type { Node } from "../workflow/outline";
import css from "./iterations.module.css";

/** Return the number of iterations (or branches) that a node has started in the shown run. */
export const iterationCount = (editor: Editor, id: string): number => {
  const bodies = runOf(editor, id)?.nodes[id]?.bodies;
  if (!bodies) return 0;
  return (bodies.running ?? 0) + (bodies.succeeded ?? 0) + (bodies.failed ?? 0) + (bodies.cancelled ?? 0);
};

interface PickerProps {
  node: Node;
  /** Leaves out the state of the iteration. */
  brief?: boolean;
  /** False if Tab skips the controls. */
  tabStop?: boolean;
}

/** The iteration of a loop that the graph shows: all together, or one by its number. */
export function IterationPicker({ node, brief: compact = false, tabStop = true }: PickerProps) {
  const store = useEditorStore();
  const count = useEditor((editor) => iterationCount(editor, node.id));
  const place = useEditor((editor) => editor.shownIterations[node.id]?.place ?? 0);
  const body = useEditor((editor) => editor.shownIterations[node.id]?.body);
  if (count === 0) return null;
  const tabIndex = tabStop ? 0 : -1;
  const pick = (next: number) => showIteration(store.getState(), store.setState, node.id, next);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click in the picker must not change the selection
    <fieldset
      className={`nodrag nopan ${css.picker}`}
      aria-label={t("canvas.iterationOf", { node: node.id })}
      onClick={(event) => event.stopPropagation()}
    >
      <IconButton
        label={t("canvas.previousIteration")}
        icon="back"
        tabIndex={tabIndex}
        disabled={place === 0}
        onClick={() => pick(place - 1)}
      />
      <input
        className={css.number}
        aria-label={t("canvas.iterationNumber")}
        inputMode="numeric"
        tabIndex={tabIndex}
        placeholder={t("canvas.allIterations")}
        value={place === 0 ? "" : place}
        onChange={(event) => pick(Math.min(Math.max(Number.parseInt(event.target.value, 10) || 0, 0), count))}
      />
      <span>{t("canvas.ofCount", { count })}</span>
      <IconButton
        label={t("canvas.nextIteration")}
        icon="next"
        tabIndex={tabIndex}
        disabled={place >= count}
        onClick={() => pick(place + 1)}
      />
      {body && !compact && (
        <Status
          status={body.status}
          {...(body.kept ? { word: t("ui.reused") } : {})}
          {...(body.duration_ms === undefined ? {} : { word: duration(body.duration_ms) })}
        />
      )}
    </fieldset>
  );
}

/** Show one iteration, or all (0), and reset the iterations of loops inside it. */
export function showIteration(
  { shownIterations, graph }: Editor,
  set: (part: Partial<Editor>) => void,
  loop: string,
  place: number,
): void {
  const kept = Object.entries(shownIterations).filter(([id]) => {
    for (let each = graph.byId.get(id)?.inside; each; each = graph.byId.get(each)?.inside)
      if (each === loop) return false;
    return id !== loop;
  });
  set({
    shownIterations: {
      ...Object.fromEntries(kept),
      ...(place > 0 ? { [loop]: { place: place, job: null, body: null, nodes: {} } } : {}),
    },
  });
}

/** Return the job that contains a loop: the run, or the shown iteration of the outer loop. */
function parentOf(editor: Editor, node: Node): string | null {
  const { shownIterations, graph } = editor;
  for (let id = node.inside; id; id = graph.byId.get(id)?.inside ?? null) {
    if (isLoop(graph.byId.get(id)?.kind ?? "")) return shownIterations[id]?.job ?? null;
  }
  return runOf(editor, node.id)?.id ?? null;
}

/** Keeps the states of the shown iterations up to date. */
export function FollowShownIterations() {
  const loops = useEditor(useShallow(({ shownIterations }: Editor) => Object.keys(shownIterations)));
  return loops.map((loop) => <FollowIteration key={loop} loop={loop} />);
}

/** Fetches an iteration after each change of the run, until the iteration has ended. */
function FollowIteration({ loop }: { loop: string }) {
  const store = useEditorStore();
  const workspace = useEditor((editor) => editor.workspace);
  const node = useEditor(({ graph }) => graph.byId.get(loop));
  const place = useEditor(({ shownIterations }) => shownIterations[loop]?.place ?? 0);
  const parent = useEditor((editor) => (node ? parentOf(editor, node) : null));
  const run = useEditor((editor) => runOf(editor, loop)?.id);
  const moved = useEditor(({ live }) => live?.graph?.rev);
  const found = useQuery({
    queryKey: ["iteration", workspace, run, parent, loop, place],
    queryFn: async () => {
      const [found] = await listBodies(workspace, parent ?? "", loop, place, 1);
      const body = found && markReused(found, run);
      return body ? { body, nodes: await nodeStatesIn(workspace, body, node?.lanes[0]?.nodes ?? []) } : null;
    },
    enabled: parent !== null && place > 0,
  });
  const { data, refetch } = found;
  const over = data ? ENDED.has(data.body.status) : false;
  // biome-ignore lint/correctness/useExhaustiveDependencies: fetched again after each change of the run
  useEffect(() => {
    if (!over) void refetch();
  }, [moved, over, refetch]);
  useEffect(() => {
    const { shownIterations } = store.getState();
    if (!data || shownIterations[loop]?.place !== place) return;
    store.setState({
      shownIterations: {
        ...shownIterations,
        [loop]: { place: place, job: data.body.job, body: data.body, nodes: data.nodes },
      },
    });
  }, [store, data, loop, place]);
  return null;
}
