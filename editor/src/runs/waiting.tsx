import { Link } from "react-router";
import type { components } from "../api/schema";
import { useEditor } from "../editing/context";
import { ENDED } from "../lib/state";
import { absolute } from "../lib/time";
import { Icon } from "../ui/icon";
import { useRun } from "./context";
import css from "./waiting.module.css";

export type Wait = components["schemas"]["NodeWaits"];

const MOST = 6;

/** Why the run waits: as a whole, or its nodes, each with what holds it up. */
export function RunWaits() {
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
            <WaitLine wait={graph.waits} />
          </li>
        )}
        {waiting.slice(0, MOST).map(({ id, wait }) => (
          <li key={`${id} ${wait.code} ${wait.until}`}>
            <button type="button" className={css.node} onClick={() => select({ node: id })}>
              {id}
            </button>
            {": "}
            <WaitLine wait={wait} />
          </li>
        ))}
        {waiting.length > MOST && <li>and {waiting.length - MOST} more</li>}
      </ul>
    </section>
  );
}

/** One reason: the sentence, until when, how many come first, and the runs in the way. */
export function WaitLine({ wait }: { wait: Wait | components["schemas"]["Waiting"] }) {
  const { workspace } = useRun();
  const link = (run: string) => (
    <Link key={run} to={`/w/${workspace}/runs/${run}`} title={run}>
      {run.slice(0, 13)}…
    </Link>
  );
  const held = wait.limit?.held_by ?? [];
  const left = "left" in wait ? wait.left : undefined;
  return (
    <span data-wait={wait.code}>
      {wait.code === "run" ? "waiting for the run" : wait.reason}
      {wait.until && `, until ${absolute(wait.until)}`}
      {wait.before !== undefined && wait.before !== null && `, ${wait.before} before it`}
      {left !== undefined && left !== null && left > 1 && `, ${left} must still agree`}
      {held.length > 0 && <span className={css.held}> held by {held.map(link)}</span>}
      {wait.run && <span className={css.held}> {link(wait.run)}</span>}
    </span>
  );
}
