import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { attempt } from "../actions/registry";
import { cancelRun, fetchResult } from "../api/runs";
import { IterationPicker } from "../canvas/iterations";
import { useEditor, useEditorStore } from "../editor/context";
import { useJobLog } from "../editor/job-log";
import { useNodeJob } from "../editor/node-job";
import { isOutdated } from "../editor/outdated";
import { isRunOver, isTesting, nodeStateOf, runOf, showOutput, testNode } from "../editor/run-watch";
import type { Editor, NodeTab, ShownRun } from "../editor/store";
import { InputForm } from "../forms/input-form";
import { ENDED, statusInRun } from "../lib/status";
import { t } from "../texts/inspector";
import { RunButton } from "../ui/access-buttons";
import { Button, LinkButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Status } from "../ui/status";
import { exampleOf } from "../workflow/example";
import { isLoop } from "../workflow/kinds";
import type { Node } from "../workflow/outline";
import { at, isTree, type Tree } from "../workflow/types";
import { NodeInput, NodeLogs, NodeOutput, ResultSection, Waits } from "./node-data";
import panel from "./node-panel.module.css";
import { panelId, tabId } from "./node-tabs";
import { OpenApprovals } from "./open-approvals";
import { LastResult, PinnedOutput } from "./pinned-output";
import { UpstreamData } from "./upstream-data";

/** The input, output or logs of a node in its test or the last run, and the buttons that test it. */
export function NodeTest({ node, tab }: { node: Node; tab: Exclude<NodeTab, "settings"> }) {
  const [rerun, setRerun] = useState<Set<string>>(new Set());
  const run = useEditor((editor) => runOf(editor, node.id));
  return (
    <section className={panel.data} aria-label={t("inspector.testOf", { node: node.id })}>
      <TestBar node={node} rerun={rerun} run={run} />
      <div
        id={panelId(tab)}
        className={`${panel.tabPanel} ${css.pane}`}
        role="tabpanel"
        aria-labelledby={tabId(tab)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
        tabIndex={0}
      >
        <Progress node={node} run={run} />
        {tab === "input" && <InputTab node={node} run={run} rerun={rerun} setRerun={setRerun} />}
        {tab === "output" && <OutputTab node={node} run={run} />}
        {tab === "logs" && <LogsTab node={node} run={run} />}
      </div>
    </section>
  );
}

type Shown = { node: Node; run: ShownRun | null };

/** Return a selector that is true if the test does not include the node. */
const isMissing =
  (id: string) =>
  ({ live }: Editor): boolean =>
    live?.graph != null && !live.nodes[id];

/** Buttons that test the node, and the state of the node in the run that is shown. */
function TestBar({ node, run, rerun }: Shown & { rerun: Set<string> }) {
  const store = useEditorStore();
  const workspace = useEditor((editor) => editor.workspace);
  const live = useEditor((editor) => editor.live);
  const schema = useEditor((editor) => at(editor.tree, ["schema"]));
  const args = useEditor((editor) => editor.args);
  const busy = useEditor(isTesting);
  const readOnly = useEditor((editor) => editor.readOnly);
  const { status, undecidedLoop } = useNodeJob(node.id, run);
  const state = run?.nodes[node.id];
  const missing = useEditor(isMissing(node.id));
  const outdated = useEditor((editor) => run === editor.live && isOutdated(editor, node.id)) && ENDED.has(status);
  const inRun = state ? statusInRun(undecidedLoop ? state.status : status, run?.status) : run?.status;
  const test = (again: "all" | Set<string>) => {
    showOutput(store);
    return attempt(() => testNode(store, node.id, args ?? exampleOf(schema) ?? {}, again));
  };
  return (
    <div className={panel.bar}>
      {!readOnly && (
        <>
          <RunButton look="main" disabled={busy} onClick={() => test(rerun)}>
            {t("inspector.testNode", { node: node.id })}
          </RunButton>
          <RunButton disabled={busy} onClick={() => test("all")}>
            {t("inspector.runToHere")}
          </RunButton>
        </>
      )}
      {run && inRun && (
        <div className={panel.run} role="status">
          {!missing && <Status status={outdated ? "outdated" : inRun} />}
          {outdated && <span className={css.help}>{t("inspector.outdated")}</span>}
          {run !== live && <span className={css.help}>{t("inspector.lastRun")}</span>}
          <LinkButton look="quiet" icon="next" to={`/w/${workspace}/runs/${run.id}`}>
            {t("inspector.openRun")}
          </LinkButton>
          {live && !isRunOver(live) && (
            <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, live.id))}>
              {t("inspector.cancelRun")}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

/** Choice of the iterations, the reasons for which the node waits, and the open approvals of the test. */
function Progress({ node, run }: Shown) {
  const live = useEditor((editor) => editor.live);
  const loops = useEditor(useShallow(({ graph }: Editor) => loopsAround(graph.byId, node)));
  const state = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, node.id, run)));
  return (
    <>
      {node.inside && <p className={css.help}>{t("inspector.testsContainer")}</p>}
      {loops.map((loop) => (
        <IterationPicker key={loop.id} node={loop} />
      ))}
      {state && <Waits node={state} />}
      {live && <OpenApprovals live={live} />}
    </>
  );
}

/** Return the loops whose iteration decides what is shown of a node, outermost first. */
function loopsAround(byId: Editor["graph"]["byId"], node: Node): Node[] {
  const loops: Node[] = [];
  for (let each: Node | undefined = node; each; each = each.inside ? byId.get(each.inside) : undefined) {
    if (isLoop(each.kind)) loops.unshift(each);
  }
  return loops;
}

interface InputProps extends Shown {
  rerun: Set<string>;
  setRerun: (next: Set<string>) => void;
}

/** The received inputs, and the data of the next test. */
function InputTab({ node, run, rerun, setRerun }: InputProps) {
  const store = useEditorStore();
  const schema = useEditor((editor) => at(editor.tree, ["schema"]));
  const args = useEditor((editor) => editor.args);
  const busy = useEditor(isTesting);
  const readOnly = useEditor((editor) => editor.readOnly);
  const { status, undecidedLoop } = useNodeJob(node.id, run);
  const given = args ?? exampleOf(schema);
  const asks = isTree(at(schema, ["properties"]) ?? null) && Object.keys(at(schema, ["properties"]) as Tree).length > 0;
  return (
    <>
      {undecidedLoop && run && <FirstIteration loop={undecidedLoop} />}
      {run?.nodes[node.id] && <NodeInput run={run.id} id={node.id} status={status} />}
      {!run && <p className={css.help}>{t("inspector.noRun")}</p>}
      {!readOnly && <UpstreamData node={node} again={rerun} setAgain={setRerun} />}
      {asks && !readOnly && (
        <details className={css.section} open={given === null}>
          <summary>{t("workflow.input")}</summary>
          <InputForm
            schema={schema}
            busy={busy}
            initial={given}
            submitLabel={t("inspector.testWithInput")}
            run={(next) => {
              showOutput(store);
              return testNode(store, node.id, next, rerun);
            }}
          />
        </details>
      )}
    </>
  );
}

const FirstIteration = ({ loop }: { loop: string }) => (
  <p className={css.help}>{t("inspector.firstIteration", { loop })}</p>
);

/** The output in the run that is shown, otherwise the last known one; and the pinned output. */
function OutputTab({ node, run }: Shown) {
  const live = useEditor((editor) => editor.live);
  const { job, status, undecidedLoop } = useNodeJob(node.id, run);
  const state = run?.nodes[node.id];
  const missing = useEditor(isMissing(node.id));
  const known = useEditor((editor) => Object.hasOwn(editor.results, node.id));
  return (
    <>
      {!run && !known && <p className={css.help}>{t("inspector.noRun")}</p>}
      {missing && <p className={css.help}>{t("inspector.notInTest", { node: node.id })}</p>}
      {undecidedLoop && run && !missing && <FirstIteration loop={undecidedLoop} />}
      {state?.error && !state.job && <p className={css.problem}>{state.error}</p>}
      {!missing && live?.status === "failed" && live.nodes[node.id]?.status !== "failed" && (
        <ResultSection label={t("inspector.testResult")} run={live.id} ask={fetchResult} failed />
      )}
      {state && <NodeOutput id={node.id} job={job} status={status} />}
      <LastResult node={node} shown={status === "succeeded"} />
      <PinnedOutput node={node} />
    </>
  );
}

/** The logs in the run that is shown, or in its shown iteration. */
function LogsTab({ node, run }: Shown) {
  const live = useEditor((editor) => editor.live);
  const { job, undecidedLoop } = useNodeJob(node.id, run);
  if (run === null) return <p className={css.help}>{t("inspector.noRun")}</p>;
  const whole = run === live && (undecidedLoop !== null || !node.inside);
  if (whole) return <NodeLogs id={node.id} log={live?.logs[node.id]} />;
  return (
    <>
      {undecidedLoop && <FirstIteration loop={undecidedLoop} />}
      {job ? <JobLogs key={job} id={node.id} run={run.id} job={job} /> : <NodeLogs id={node.id} log={undefined} />}
    </>
  );
}

function JobLogs({ id, run, job }: { id: string; run: string; job: string }) {
  return <NodeLogs id={id} {...useJobLog(run, job)} />;
}
