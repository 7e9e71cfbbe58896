import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { failureQuery, type RunFailureReport } from "../api/runs";
import { useEditor } from "../editor/context";
import { errorOf, lineOf } from "../lib/error-line";
import { Icon } from "../ui/icon";
import { isLoop } from "../workflow/kinds";
import { ChangesSinceSuccess } from "./changes-since-success";
import { useRun } from "./context";
import { NodeInput } from "./data/node-input";
import css from "./failure.module.css";

/** Of a run that failed the first error: its node, where in it, its words, its inputs; and what changed since. */
export function RunFailure() {
  const { workspace, id } = useRun();
  const failed = useEditor((editor) => editor.live?.status === "failed");
  const found = useQuery({ ...failureQuery(workspace, id), enabled: failed });
  const failure = found.data?.failure;
  if (!failed || !failure) return null;
  return (
    <section className={css.failure} aria-label="First error">
      <FirstError failure={failure} />
      <ChangesSinceSuccess since={found.data?.since} />
    </section>
  );
}

function FirstError({ failure }: { failure: NonNullable<RunFailureReport["failure"]> }) {
  const { workspace, id, selection, select } = useRun();
  const graph = useEditor((editor) => editor.graph);
  const { name, message, stack, line } = describeError(failure.error);
  const inOtherRun = failure.run !== id;
  const at = failure.around.flatMap(({ node, place }) =>
    isLoop(graph.byId.get(node)?.kind ?? "") && place != null ? [{ loop: node, place: place + 1 }] : [],
  );
  const { node } = failure;
  return (
    <div className={css.error}>
      <Icon name="cross" />
      <div className={css.text}>
        <p>
          <strong>{name}</strong>
          {node && " in "}
          {node && inOtherRun && <Link to={`/w/${workspace}/runs/${failure.run}?node=${node}`}>{node}</Link>}
          {node && !inOtherRun && (
            <button
              type="button"
              className={css.node}
              onClick={() => select({ node, at, tab: selection.tab === "timeline" ? "timeline" : "graph" })}
            >
              {node}
            </button>
          )}
          {failure.around.map(({ node: holder, place, run }) => (
            <span key={holder} className={css.context}>
              {run && ` in the run that ${holder} called`}
              {!run &&
                ` in ${isLoop(graph.byId.get(holder)?.kind ?? "") ? "iteration" : "branch"} ${(place ?? 0) + 1} of ${holder}`}
            </span>
          ))}
          {line !== null && <span className={css.context}>, line {line}</span>}
        </p>
        <p className={css.message}>{message}</p>
        {stack && (
          <details>
            <summary>Where in the code</summary>
            <pre>{stack}</pre>
          </details>
        )}
        {node && !inOtherRun && (
          <details>
            <summary>Its input</summary>
            <NodeInput id={node} word="" places={Object.fromEntries(at.map(({ loop, place }) => [loop, { place }]))} />
          </details>
        )}
        {node && !inOtherRun && (
          <button type="button" className={css.node} onClick={() => select({ node, at, tab: "logs" })}>
            Its log
          </button>
        )}
      </div>
    </div>
  );
}

function describeError(thrown: unknown): { name: string; message: string; stack: string; line: number | null } {
  const error = errorOf(thrown);
  if (error) return { ...error, line: lineOf(error) };
  const message = thrown == null ? "What went wrong is not kept." : JSON.stringify(thrown);
  return { name: "Failed", message, stack: "", line: null };
}
