import { useQuery } from "@tanstack/react-query";
import { useShallow } from "zustand/react/shallow";
import { type Body, listBodies } from "../api/iterations";
import { ENDED } from "../lib/status";
import { isLoop } from "../workflow/kinds";
import { DEFAULT_ITERATION } from "../workflow/received-inputs";
import { useEditor } from "./context";
import { nodeStateOf, runOf } from "./run-watch";
import type { Editor, ShownRun } from "./store";

/** Job of a node in the shown iteration. `undecidedLoop`: a loop around it of which all are shown; the job is in its first. */
export interface NodeJob {
  job: string | null;
  status: string;
  undecidedLoop: string | null;
}

/** Container on the path to a node: the number of the body (from 1), and the id of its node if it has only one. */
interface ContainerStep {
  holder: string;
  body: number;
  only: string | null;
}

interface NodePath {
  /** Containers around the node, outermost first. */
  way: ContainerStep[];
  /** The outermost loop around the node of which no iteration is shown. */
  undecidedLoop: string | null;
}

function pathTo({ graph, shownIterations }: Editor, id: string): NodePath {
  const way: ContainerStep[] = [];
  let undecidedLoop: string | null = null;
  for (let node = graph.byId.get(id); node?.inside; node = graph.byId.get(node.inside)) {
    const holder = graph.byId.get(node.inside);
    const lane = holder?.lanes.find(({ nodes }) => nodes.some((each) => each.id === node?.id));
    if (!holder || !lane) break;
    const shown = shownIterations[holder.id]?.place;
    if (isLoop(holder.kind) && shown === undefined) undecidedLoop = holder.id;
    const place = isLoop(holder.kind) ? (shown ?? DEFAULT_ITERATION) : holder.lanes.indexOf(lane) + 1;
    way.unshift({
      holder: holder.id,
      // A branchone has one body: the branch that was taken.
      body: holder.kind === "branchone" ? 1 : place,
      only: lane.nodes.length === 1 ? (lane.nodes[0]?.id ?? null) : null,
    });
  }
  return { way, undecidedLoop };
}

/** Return the job of a node at the end of a path; null if there is none. */
async function findJob(
  workspace: string,
  run: string,
  way: readonly ContainerStep[],
  id: string,
): Promise<Body | null> {
  let parent = run;
  for (const { holder, body, only } of way) {
    const [found] = await listBodies(workspace, parent, holder, body, 1);
    if (!found || only === id) return found ?? null;
    parent = found.job;
  }
  return (await listBodies(workspace, parent, id, 1, 1))[0] ?? null;
}

/** Return the job of a node that succeeded in the shown iteration, of the run that its panel shows; null if there is none. */
export async function findShownJob(editor: Editor, id: string): Promise<string | null> {
  const run = runOf(editor, id);
  const state = nodeStateOf(editor, id, run);
  const { way } = pathTo(editor, id);
  const found =
    state?.job || run === null || way.length === 0 ? state : await findJob(editor.workspace, run.id, way, id);
  return found?.status === "succeeded" ? (found.job ?? null) : null;
}

/** Return the job of a node in a run. Its graph has the jobs of the top level and those of the list of a shown iteration. */
export function useNodeJob(id: string, run: ShownRun | null): NodeJob {
  const workspace = useEditor((editor) => editor.workspace);
  const state = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, id, run)));
  const found = useEditor((editor) => JSON.stringify(pathTo(editor, id)));
  const { way, undecidedLoop } = JSON.parse(found) as NodePath;
  const moved = ENDED.has(run?.status ?? "") ? "ended" : run?.graph?.rev;
  const isSearched = run !== null && way.length > 0 && !state?.job;
  const job = useQuery({
    queryKey: ["job-of-node", workspace, run?.id, id, found, moved],
    queryFn: () => findJob(workspace, run?.id ?? "", way, id),
    enabled: isSearched,
    placeholderData: (before, query) => (query?.queryKey[4] === found ? before : undefined),
  });
  if (state?.job) return { job: state.job, status: state.status, undecidedLoop: null };
  if (!isSearched) return { job: null, status: state?.status ?? "pending", undecidedLoop };
  return { job: job.data?.job ?? null, status: job.data?.status ?? "pending", undecidedLoop };
}
