import { Link } from "react-router";
import type { components } from "../api/schema";
import { useEditor } from "../editor/context";
import { ENDED } from "../lib/status";
import { absolute } from "../lib/time";
import { Icon } from "../ui/icon";
import { useRun } from "./context";
import css from "./wait-reasons.module.css";

export type WaitingReason = components["schemas"]["NodeWaits"];

const LIMIT = 6;

/** Why the run waits: as a whole, or its nodes, each with what holds it up. */
export function RunWaitReasons() {
  const { select } = useRun();
  const graph = useEditor((editor) => editor.live?.graph);
  const nodes = useEditor((editor) => editor.live?.nodes);
  const over = useEditor((editor) => ENDED.has(editor.live?.status ?? "queued"));
  if (!graph || over) return null;
  const waiting = Object.entries(nodes ?? {}).flatMap(([id, node]) => (node.waits ?? []).map((wait) => ({ id, wait })));
  if (!graph.waits && waiting.length === 0) return null;
  return (
    <section className={css.waits} aria-label="Why it waits">
      <Icon name="clock" />
      <ul>
        {graph.waits && waiting.length === 0 && (
          <li>
            <WaitReason wait={graph.waits} />
          </li>
        )}
        {waiting.slice(0, LIMIT).map(({ id, wait }) => (
          <li key={`${id} ${wait.code} ${wait.until}`}>
            <button type="button" className={css.node} onClick={() => select({ node: id })}>
              {id}
            </button>
            {": "}
            <WaitReason wait={wait} />
          </li>
        ))}
        {waiting.length > LIMIT && <li>and {waiting.length - LIMIT} more</li>}
      </ul>
    </section>
  );
}

/** One reason: the sentence, until when, how many come first, and the runs in the way. */
export function WaitReason({ wait }: { wait: WaitingReason | components["schemas"]["Waiting"] }) {
  const { workspace } = useRun();
  const link = (run: string) => (
    <Link key={run} to={`/w/${workspace}/runs/${run}`} title={run}>
      {run.slice(0, 13)}…
    </Link>
  );
  const held = wait.limit?.held_by ?? [];
  const approvalsLeft = "left" in wait ? wait.left : undefined;
  return (
    <span data-wait={wait.code}>
      {wait.code === "run" ? "waiting for the run" : wait.reason}
      {wait.until && `, until ${absolute(wait.until)}`}
      {wait.before !== undefined && wait.before !== null && `, ${wait.before} before it`}
      {approvalsLeft !== undefined &&
        approvalsLeft !== null &&
        approvalsLeft > 1 &&
        `, ${approvalsLeft} must still agree`}
      {held.length > 0 && <span className={css.heldBy}> held by {held.map(link)}</span>}
      {wait.run && <span className={css.heldBy}> {link(wait.run)}</span>}
    </span>
  );
}
