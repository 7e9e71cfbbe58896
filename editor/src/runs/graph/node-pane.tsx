import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { type RestartPoint, restartPointAt } from "../../api/restart";
import type { NodeState } from "../../api/runs";
import { NodeDecision } from "../../approvals/node-decision";
import { IterationPicker, iterationCount } from "../../canvas/iterations";
import { useEditor } from "../../editor/context";
import { useNodeJob } from "../../editor/node-job";
import { awaitsApproval, nodeStateOf } from "../../editor/run-watch";
import type { Editor } from "../../editor/store";
import { lazyComponent } from "../../lib/lazy-component";
import { ENDED, statusInRun } from "../../lib/status";
import { duration } from "../../lib/time";
import { Link } from "../../routing/link";
import { t } from "../../texts/runs";
import { RunButton } from "../../ui/access-buttons";
import { Button, IconButton } from "../../ui/controls";
import { Status } from "../../ui/status";
import { isLoop } from "../../workflow/kinds";
import type { Node } from "../../workflow/outline";
import { useRun } from "../context";
import { NodeValues } from "../data/node-values";
import { EditNode } from "../edit-node";
import css from "../page.module.css";
import { RestartDialog } from "../restart/restart-dialog";
import { WaitReason } from "../wait-reasons";

const Pausing = lazyComponent(async () => ({ default: (await import("../breakpoints/breakpoint-form")).Breakpoints }));

/** Pane of a node: its status, input, output and actions. */
export function NodePane({ id, close }: { id: string; close: () => void }) {
  const { workspace, id: run, select } = useRun();
  const node = useEditor(({ graph }) => graph.byId.get(id));
  const state = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, id)));
  const live = useEditor((editor) => editor.live);
  const { status, undecidedLoop } = useNodeJob(id, live);
  const loop = useEditor(({ graph }) => around(graph.byId, id));
  const child = state?.bodies?.run;
  if (!node || !state) return null;
  const decides = awaitsApproval(state);
  return (
    <aside className={css.nodePane} aria-label={t("runs.node", { id })}>
      <div className={css.nodePaneHeader}>
        <h2>{node.summary || id}</h2>
        <Status status={statusInRun(undecidedLoop || status === "pending" ? state.status : status, live?.status)} />
        <IconButton label={t("ui.close")} icon="cross" onClick={close} />
      </div>
      {!decides && <Pausing node={id} />}
      <div className={css.nodePaneBody}>
        <p className={`${css.soft} ${node.summary ? "" : css.sentence}`}>{factsOf(node, state).join(" · ")}</p>
        {state.waits?.map((wait) => (
          <p key={`${wait.code} ${wait.until}`} className={css.waiting}>
            <WaitReason wait={wait} />
          </p>
        ))}
        <NodeDecision workspace={workspace} run={run} id={id} />
        {decides && <Pausing node={id} />}
        {loop && <IterationPicker node={loop} />}
        {isLoop(node.kind) && <Opened id={id} />}
        <div className={css.buttons}>
          <EditNode id={id} />
          {child && <Link to={`/w/${workspace}/runs/${child}`}>{t("runs.openRun")}</Link>}
          <Button look="quiet" onClick={() => select({ tab: "logs" })}>
            {t("ui.logs")}
          </Button>
          <RestartHere id={id} />
        </div>
        <NodeValues id={id} />
      </div>
    </aside>
  );
}

function factsOf(node: Node, state: NodeState): string[] {
  const attempts = state.attempt ?? 1;
  return [
    node.summary && node.id,
    state.duration_ms != null && t("runs.took", { duration: duration(state.duration_ms) }),
    attempts > 1 && t("runs.attemptCount", { count: attempts }),
    state.kept && t("runs.outputReused"),
    state.skipped && t("runs.skippedBySkipIf"),
  ].filter((each) => typeof each === "string" && each !== "") as string[];
}

/** Return the innermost loop around a node; null if there is none. */
function around(byId: Editor["graph"]["byId"], id: string) {
  for (let each = byId.get(id)?.inside; each; each = byId.get(each)?.inside) {
    const holder = byId.get(each);
    if (holder && isLoop(holder.kind)) return holder;
  }
  return null;
}

function Opened({ id }: { id: string }) {
  const count = useEditor((editor) => iterationCount(editor, id));
  const kept = useEditor((editor) => editor.live?.nodes[id]?.bodies?.kept ?? 0);
  const parts = [t("runs.iterationCount", { count }), kept > 0 && t("runs.keptIterations", { count: kept })];
  return <p className={css.soft}>{parts.filter(Boolean).join(", ")}</p>;
}

/** Buttons to restart an ended run from a node, in the shown iterations. */
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
        <span className={css.soft}>{t("runs.chooseIterationToRestart", { loop: here })}</span>
      ) : (
        <RunButton onClick={() => setPoint({ title: t("runs.restartFrom", { node: id }), at: here })}>
          {t("runs.restartHere")}
        </RunButton>
      )}
      {into && typeof into !== "string" && (
        <RunButton
          onClick={() =>
            setPoint({ title: t("runs.restartFromIterationOf", { number: place ?? 0, node: id }), at: into })
          }
        >
          {t("runs.restartFromIteration", { number: place ?? 0 })}
        </RunButton>
      )}
      {point && <RestartDialog title={point.title} point={point.at} close={() => setPoint(null)} />}
    </>
  );
}
