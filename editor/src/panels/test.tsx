import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { attempt } from "../actions/registry";
import { cancelRun, fetchResult, type NodeState } from "../api/runs";
import { waitBeside, waitText } from "../api/wait-text";
import { NodeDecision } from "../approvals/node-decision";
import { DEFAULT_OPTIONS, DryRunOptionsForm } from "../dry-runs/options";
import { useEditor, useEditorStore } from "../editor/context";
import { dryRunWorkflow, isRunOver, isTesting, nodeStateOf, testWorkflow } from "../editor/run-watch";
import { type Editor, type LiveRun, select } from "../editor/store";
import { InputForm } from "../forms/input-form";
import { NodeData, ResultSection } from "../inspector/node-data";
import { lazyComponent } from "../lib/lazy-component";
import { statusInRun } from "../lib/status";
import { duration } from "../lib/time";
import { t } from "../texts/panels";
import { Button, LinkButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Status } from "../ui/status";
import runs from "../ui/status.module.css";
import { nodeName } from "../workflow/node-name";
import { at } from "../workflow/types";

const DryRunReport = lazyComponent(() => import("../dry-runs/report"));

/** Runs the workflow on the page: the form of its input, and the outcome. */
export function TestPanel() {
  const store = useEditorStore();
  const schema = useEditor((editor) => at(editor.tree, ["schema"]));
  const live = useEditor((editor) => editor.live);
  const busy = useEditor(isTesting);
  const readOnly = useEditor((editor) => editor.readOnly);
  const [options, setOptions] = useState(DEFAULT_OPTIONS);
  return (
    <div className={css.pane}>
      <h2>{t(readOnly ? "ui.run" : "panels.test")}</h2>
      <InputForm
        schema={schema}
        busy={busy}
        initial={store.getState().args}
        run={(args) => testWorkflow(store, args)}
        {...(readOnly
          ? {}
          : { alternative: { label: t("panels.dryRun"), run: (args) => dryRunWorkflow(store, args, options) } })}
      />
      {!readOnly && <DryRunOptionsForm options={options} set={setOptions} />}
      {live && <TestOutcome live={live} />}
    </div>
  );
}

/** Return why a run waits, beside its status: the reason of the run, or else of its first node that waits. */
function waitReason({ graph, nodes, status }: LiveRun): string | undefined {
  if (!graph?.reason) return undefined;
  if (graph.waits) return waitBeside(status, graph.waits);
  const [first] = Object.entries(nodes).flatMap(
    ([id, { waits }]) => waits?.map((wait) => `${id}: ${waitText(wait)}`) ?? [],
  );
  return first ?? graph.reason;
}

function TestOutcome({ live }: { live: LiveRun }) {
  const store = useEditorStore();
  const { workspace, selection } = useEditor((editor) => editor);
  const state = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, editor.selection.at(-1) ?? "")));
  const over = isRunOver(live);
  const reason = waitReason(live);
  const chosen = selection.at(-1);
  const graph = useEditor((editor) => editor.graph);
  const order = [...graph.byId.keys()];
  const nodes = Object.entries(live.nodes)
    .filter(([id, node]) => !(id === "failure" && node.status === "pending"))
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  return (
    <section className={css.section} aria-label={t("panels.testRun")}>
      {live.only && <h3>{t("panels.testOfNode", { node: nodeName(graph, live.only) })}</h3>}
      <div className={css.head}>
        <Status status={live.status} />
        {live.graph?.duration_ms !== undefined && (
          <span className={runs.duration}>{duration(live.graph.duration_ms ?? 0)}</span>
        )}
        {reason && <span className={css.help}>{reason}</span>}
        <LinkButton look="quiet" icon="next" to={`/w/${workspace}/runs/${live.id}`}>
          {t("panels.openRun")}
        </LinkButton>
        {!over && (
          <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, live.id))}>
            {t("panels.cancelRun")}
          </Button>
        )}
      </div>
      {!live.connected && <p className={css.help}>{t("panels.reconnecting")}</p>}
      <ul className={runs.nodes}>
        {nodes.map(([id, node]) => (
          <li key={id}>
            <button
              type="button"
              className={runs.node}
              aria-pressed={chosen === id}
              onClick={() => select(store, [id])}
            >
              <span title={id}>{nodeName(graph, id)}</span>
              <span className={runs.duration}>{progressOf(node)}</span>
              <Status
                status={statusInRun(node.status, live.status)}
                {...(node.kept && node.status === "succeeded" ? { word: t("ui.reused") } : {})}
              />
            </button>
            <NodeDecision workspace={workspace} run={live.id} id={id} />
          </li>
        ))}
      </ul>
      {/* The error of the run is that of its failed node, which is shown if the node is selected. */}
      {live.status === "failed" && state?.status !== "failed" && <RunResult live={live} />}
      {chosen && state && <NodeData key={chosen} run={live.id} id={chosen} node={state} log={live.logs[chosen]} />}
      {over && live.dry && <DryRunReport key={live.id} workspace={workspace} run={live.id} />}
      {over && !["failed", "unknown"].includes(live.status) && <RunResult live={live} />}
    </section>
  );
}

const RunResult = ({ live }: { live: LiveRun }) => (
  <ResultSection
    label={live.only ? t("panels.resultOfNode", { node: live.only }) : t("panels.result")}
    run={live.id}
    ask={fetchResult}
    failed={live.status === "failed"}
  />
);

function progressOf(node: NodeState): string {
  const { bodies, duration_ms, attempt } = node;
  const total = bodies?.total ?? 0;
  const done = (bodies?.succeeded ?? 0) + (bodies?.failed ?? 0);
  const parts = [
    total > 0 && t("panels.progress", { done, total }),
    attempt !== undefined && attempt > 1 && t("panels.attempt", { attempt }),
    duration_ms !== undefined && duration(duration_ms ?? 0),
  ];
  return parts.filter((part) => part !== false).join(" · ");
}
