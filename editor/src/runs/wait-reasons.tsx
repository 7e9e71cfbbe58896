import type { components } from "../api/schema";
import { waitText } from "../api/wait-text";
import { RunDecisions } from "../approvals/node-decision";
import { useEditor } from "../editor/context";
import { awaitsApproval } from "../editor/run-watch";
import { ENDED } from "../lib/status";
import { absolute } from "../lib/time";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/runs";
import { Icon } from "../ui/icon";
import { nodeName } from "../workflow/node-name";
import { useRun } from "./context";
import css from "./wait-reasons.module.css";

export type WaitingReason = components["schemas"]["NodeWait"];

const LIMIT = 6;

/** Wait reasons of the run as a whole or of its nodes. */
export function RunWaitReasons() {
  const { workspace, id, selection, select } = useRun();
  const graph = useEditor((editor) => editor.live?.graph);
  const nodes = useEditor((editor) => editor.live?.nodes);
  const graphOfRun = useEditor((editor) => editor.graph);
  const over = useEditor((editor) => ENDED.has(editor.live?.status ?? "queued"));
  if (!graph || over) return null;
  const waiting = Object.entries(nodes ?? {}).flatMap(([id, node]) => (node.waits ?? []).map((wait) => ({ id, wait })));
  if (!graph.waits && waiting.length === 0) return null;
  const approval = Object.values(nodes ?? {}).some(awaitsApproval);
  return (
    <section className={css.waits} aria-label={t("runs.waitReasons")}>
      <Icon name="clock" />
      <div className={css.reasons}>
        <ul>
          {graph.waits && waiting.length === 0 && (
            <li>
              <WaitReason wait={graph.waits} />
            </li>
          )}
          {waiting.slice(0, LIMIT).map(({ id, wait }) => (
            <li key={`${id} ${wait.code} ${wait.until}`}>
              <button type="button" className={css.node} title={id} onClick={() => select({ node: id })}>
                {nodeName(graphOfRun, id)}
              </button>
              {": "}
              <WaitReason wait={wait} />
            </li>
          ))}
          {waiting.length > LIMIT && <li>{t("runs.moreWaits", { count: waiting.length - LIMIT })}</li>}
        </ul>
        {approval && (
          <RunDecisions workspace={workspace} run={id} shown={selection.tab === "graph" ? selection.node : null} />
        )}
      </div>
    </section>
  );
}

/** Wait reason with its deadline, the number of jobs ahead and the runs that hold a limit. */
export function WaitReason({ wait }: { wait: WaitingReason | components["schemas"]["Waiting"] }) {
  const { workspace } = useRun();
  const link = (run: string) => (
    <Link key={run} to={`/w/${workspace}/runs/${run}`} title={run}>
      {run.slice(0, 13)}…
    </Link>
  );
  const held = wait.limit?.held_by ?? [];
  const approvalsLeft = "left" in wait ? wait.left : undefined;
  const texts = [
    wait.code === "run" ? t("runs.waitForRun") : waitText(wait),
    wait.until && t("runs.waitUntil", { time: absolute(wait.until) }),
    wait.before != null && t("runs.waitAhead", { count: wait.before }),
    approvalsLeft != null && approvalsLeft > 1 && t("runs.approvalsLeft", { count: approvalsLeft }),
  ];
  return (
    <span data-wait={wait.code}>
      {texts.filter(Boolean).join(", ")}
      {held.length > 0 && <span className={css.heldBy}> {tWith("runs.heldBy", { runs: held.map(link) })}</span>}
      {wait.run && <span className={css.heldBy}> {link(wait.run)}</span>}
    </span>
  );
}
