import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { failureQuery, type WhyFailed } from "../api/runs";
import { useEditor } from "../editing/context";
import { errorOf, lineOf } from "../lib/error-line";
import { Icon } from "../ui/icon";
import { useRun } from "./context";
import { NodeInput } from "./data/node-input";
import css from "./failure.module.css";
import { isLoop } from "./iterations";
import { SinceSuccess } from "./since";

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
      <SinceSuccess since={found.data?.since} />
    </section>
  );
}

function FirstError({ failure }: { failure: NonNullable<WhyFailed["failure"]> }) {
  const { workspace, id, selection, select } = useRun();
  const graph = useEditor((editor) => editor.graph);
  const { name, message, stack, line } = wordsOf(failure.error);
  const elsewhere = failure.run !== id;
  const at = failure.around.flatMap(({ node, place }) =>
    isLoop(graph.byId.get(node)?.kind ?? "") && place != null ? [{ loop: node, place: place + 1 }] : [],
  );
  const { node } = failure;
  return (
    <div className={css.error}>
      <Icon name="cross" />
      <div className={css.words}>
        <p>
          <strong>{name}</strong>
          {node && " in "}
          {node && elsewhere && <Link to={`/w/${workspace}/runs/${failure.run}?node=${node}`}>{node}</Link>}
          {node && !elsewhere && (
            <button
              type="button"
              className={css.node}
              onClick={() => select({ node, at, tab: selection.tab === "timeline" ? "timeline" : "graph" })}
            >
              {node}
            </button>
          )}
          {failure.around.map(({ node: holder, place, run }) => (
            <span key={holder} className={css.around}>
              {run && ` in the run that ${holder} called`}
              {!run &&
                ` in ${isLoop(graph.byId.get(holder)?.kind ?? "") ? "iteration" : "branch"} ${(place ?? 0) + 1} of ${holder}`}
            </span>
          ))}
          {line !== null && <span className={css.around}>, line {line}</span>}
        </p>
        <p className={css.message}>{message}</p>
        {stack && (
          <details>
            <summary>Where in the code</summary>
            <pre>{stack}</pre>
          </details>
        )}
        {node && !elsewhere && (
          <details>
            <summary>Its input</summary>
            <NodeInput id={node} word="" places={Object.fromEntries(at.map(({ loop, place }) => [loop, { place }]))} />
          </details>
        )}
        {node && !elsewhere && (
          <button type="button" className={css.node} onClick={() => select({ node, at, tab: "logs" })}>
            Its log
          </button>
        )}
      </div>
    </div>
  );
}

function wordsOf(told: unknown): { name: string; message: string; stack: string; line: number | null } {
  const error = errorOf(told);
  if (error) return { ...error, line: lineOf(error) };
  const message = told == null ? "What went wrong is not kept." : JSON.stringify(told);
  return { name: "Failed", message, stack: "", line: null };
}
