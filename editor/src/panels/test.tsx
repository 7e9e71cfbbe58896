import { useShallow } from "zustand/react/shallow";
import { attempt } from "../actions/registry";
import { cancelRun, fetchResult, type NodeState } from "../api/runs";
import { NodeDecision } from "../approvals/node-decision";
import { useEditor, useEditorStore } from "../editor/context";
import { isRunOver, nodeStateOf, testWorkflow } from "../editor/run-watch";
import { type Editor, type LiveRun, select } from "../editor/store";
import { InputForm } from "../forms/input-form";
import { NodeData, ResultSection } from "../inspector/node-data";
import { duration } from "../lib/time";
import { Button, LinkButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Status } from "../ui/status";
import runs from "../ui/status.module.css";
import { at } from "../workflow/types";

/** Runs what is on the page: the form, and beside it what came of it. */
export function TestPanel() {
  const store = useEditorStore();
  const schema = useEditor((editor) => at(editor.tree, ["schema"]));
  const live = useEditor((editor) => editor.live);
  return (
    <div className={css.pane}>
      <h2>Test</h2>
      <InputForm
        schema={schema}
        busy={!isRunOver(live)}
        initial={store.getState().args}
        run={(args) => attempt(() => testWorkflow(store, args))}
      />
      {live && <TestOutcome live={live} />}
    </div>
  );
}

function TestOutcome({ live }: { live: LiveRun }) {
  const store = useEditorStore();
  const { workspace, selection } = useEditor((editor) => editor);
  const stands = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, editor.selection.at(-1) ?? "")));
  const over = isRunOver(live);
  const chosen = selection.at(-1);
  const nodes = Object.entries(live.nodes).filter(([id, node]) => !(id === "failure" && node.status === "pending"));
  return (
    <section className={css.section} aria-label="The test">
      <div className={css.head}>
        <Status status={live.status} />
        {live.graph?.duration_ms !== undefined && (
          <span className={runs.duration}>{duration(live.graph.duration_ms ?? 0)}</span>
        )}
        {live.graph?.reason && <span className={css.help}>{live.graph.reason}</span>}
        <LinkButton look="quiet" icon="next" to={`/w/${workspace}/runs/${live.id}`}>
          Its page
        </LinkButton>
        {!over && (
          <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, live.id))}>
            Stop
          </Button>
        )}
      </div>
      {!live.connected && <p className={css.help}>The server is not heard; it is tried again.</p>}
      <ul className={runs.nodes}>
        {nodes.map(([id, node]) => (
          <li key={id}>
            <button
              type="button"
              className={runs.node}
              aria-pressed={chosen === id}
              onClick={() => select(store, [id])}
            >
              <span>{id}</span>
              <span className={runs.duration}>{progressOf(node)}</span>
              <Status status={node.status} />
            </button>
            <NodeDecision workspace={workspace} run={live.id} id={id} />
          </li>
        ))}
      </ul>
      {chosen && stands && <NodeData key={chosen} run={live.id} id={chosen} node={stands} log={live.logs[chosen]} />}
      {over && live.status !== "unknown" && (
        <ResultSection label="Result of the workflow" run={live.id} ask={fetchResult} />
      )}
    </section>
  );
}

function progressOf(node: NodeState): string {
  const { bodies, duration_ms, attempt } = node;
  const counted =
    bodies && (bodies.total ?? 0) > 0 ? `${(bodies.succeeded ?? 0) + (bodies.failed ?? 0)} of ${bodies.total} · ` : "";
  const again = attempt !== undefined && attempt > 1 ? `attempt ${attempt} · ` : "";
  return counted + again + (duration_ms === undefined ? "" : duration(duration_ms ?? 0));
}
