import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import { useShallow } from "zustand/react/shallow";
import { type RestartPoint, restartPointAt } from "../../api/restart";
import { NodeDecision } from "../../approvals/node-decision";
import { IterationPicker, iterationCount } from "../../canvas/iterations";
import { useEditor } from "../../editor/context";
import { nodeStateOf } from "../../editor/run-watch";
import type { Editor } from "../../editor/store";
import { ENDED } from "../../lib/status";
import { duration } from "../../lib/time";
import { Button, IconButton } from "../../ui/controls";
import { Status } from "../../ui/status";
import { isLoop } from "../../workflow/kinds";
import { useRun } from "../context";
import { NodeValues } from "../data/node-values";
import { useNodeJob } from "../node-job";
import css from "../page.module.css";
import { RestartDialog } from "../restart/restart-dialog";
import { WaitReason } from "../wait-reasons";

const Pausing = lazy(async () => ({ default: (await import("../breakpoints/breakpoint-form")).Breakpoints }));

/** How one node stands, what it took and gave, and what can be done from there. */
export function NodePane({ id, close }: { id: string; close: () => void }) {
  const { workspace, id: run, select } = useRun();
  const node = useEditor(({ graph }) => graph.byId.get(id));
  const stands = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, id)));
  const { status } = useNodeJob(id);
  const loop = useEditor(({ graph }) => around(graph.byId, id));
  const child = stands?.bodies?.run;
  if (!node || !stands) return null;
  return (
    <aside className={css.nodePane} aria-label={`Node ${id}`}>
      <div className={css.nodePaneHeader}>
        <h2>{node.summary || id}</h2>
        <Status status={status === "pending" ? stands.status : status} />
        <IconButton label="Close" icon="cross" onClick={close} />
      </div>
      <Suspense>
        <Pausing node={id} />
      </Suspense>
      <div className={css.nodePaneBody}>
        <p className={css.soft}>
          {node.summary && id}
          {stands.duration_ms != null && ` · took ${duration(stands.duration_ms)}`}
          {(stands.attempt ?? 1) > 1 && ` · ${stands.attempt} attempts`}
          {stands.kept && " · kept from an earlier run"}
          {stands.skipped && " · skip_if was true"}
        </p>
        {stands.waits?.map((wait) => (
          <p key={`${wait.code} ${wait.until}`} className={css.waiting}>
            <WaitReason wait={wait} />
          </p>
        ))}
        <NodeDecision workspace={workspace} run={run} id={id} />
        {loop && <IterationPicker node={loop} />}
        {isLoop(node.kind) && <Opened id={id} />}
        <div className={css.buttons}>
          {child && <Link to={`/w/${workspace}/runs/${child}`}>Its run</Link>}
          <Button look="quiet" onClick={() => select({ tab: "logs" })}>
            Its log
          </Button>
          <RestartHere id={id} />
        </div>
        <NodeValues id={id} />
      </div>
    </aside>
  );
}

/** The innermost loop that a node stands in. */
function around(byId: Editor["graph"]["byId"], id: string) {
  for (let each = byId.get(id)?.inside; each; each = byId.get(each)?.inside) {
    const holder = byId.get(each);
    if (holder && isLoop(holder.kind)) return holder;
  }
  return null;
}

function Opened({ id }: { id: string }) {
  const count = useEditor((editor) => iterationCount(editor, id));
  return (
    <p className={css.soft}>
      {count} {count === 1 ? "iteration" : "iterations"}
    </p>
  );
}

/** Goes on from a node of a run that has ended, in the iterations that are shown. */
function RestartHere({ id }: { id: string }) {
  const [point, setPoint] = useState<{ title: string; at: RestartPoint } | null>(null);
  const over = useEditor((editor) => ENDED.has(editor.live?.status ?? ""));
  const graph = useEditor((editor) => editor.graph);
  const picked = useEditor((editor) => editor.shownIterations);
  const place = picked[id]?.place;
  const top = graph.byId.get(id)?.list;
  const main = top !== undefined && (top.length > 1 || graph.byId.get(id)?.inside);
  if (!over || !main) return null;
  const here = restartPointAt(graph, picked, id);
  const into = place === undefined ? null : restartPointAt(graph, picked, id, place - 1);
  return (
    <>
      {typeof here === "string" ? (
        <span className={css.soft}>To restart here, choose an iteration of {here}.</span>
      ) : (
        <Button icon="play" onClick={() => setPoint({ title: `Restart from ${id}`, at: here })}>
          Restart from here
        </Button>
      )}
      {into && typeof into !== "string" && (
        <Button icon="play" onClick={() => setPoint({ title: `Restart from iteration ${place} of ${id}`, at: into })}>
          Restart from iteration {place}
        </Button>
      )}
      {point && <RestartDialog title={point.title} point={point.at} close={() => setPoint(null)} />}
    </>
  );
}
