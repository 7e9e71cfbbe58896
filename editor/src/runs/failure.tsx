import { useQuery } from "@tanstack/react-query";
import { failureQuery, type RunFailureReport } from "../api/runs";
import { useEditor } from "../editor/context";
import { errorOf, lineOf } from "../lib/error-line";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/runs";
import { Traceback } from "../ui/error-text";
import { Icon } from "../ui/icon";
import { isLoop } from "../workflow/kinds";
import { ChangesSinceSuccess } from "./changes-since-success";
import { useRun } from "./context";
import { NodeInput } from "./data/node-input";
import { EditNode } from "./edit-node";
import css from "./failure.module.css";

/** First error of a failed run, with its node, line, message and inputs, and the changes since the last success. */
export function RunFailure() {
  const { workspace, id } = useRun();
  const failed = useEditor((editor) => editor.live?.status === "failed");
  const found = useQuery({ ...failureQuery(workspace, id), enabled: failed });
  const failure = found.data?.failure;
  if (!failed || !failure) return null;
  return (
    <section className={css.failure} aria-label={t("runs.firstError")}>
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
          {node
            ? tWith("runs.errorIn", {
                error: <strong key="error">{name}</strong>,
                node: inOtherRun ? (
                  <Link key="node" to={`/w/${workspace}/runs/${failure.run}?node=${node}`}>
                    {node}
                  </Link>
                ) : (
                  <button
                    key="node"
                    type="button"
                    className={css.node}
                    onClick={() => select({ node, at, tab: selection.tab === "timeline" ? "timeline" : "graph" })}
                  >
                    {node}
                  </button>
                ),
              })
            : name && <strong>{name}</strong>}
          {failure.around.map((each) => (
            <span key={each.node} className={css.context}>
              , {contextText(each, isLoop(graph.byId.get(each.node)?.kind ?? ""))}
            </span>
          ))}
          {line !== null && <span className={css.context}>, {t("runs.atLine", { line })}</span>}
        </p>
        <p className={css.message}>{message}</p>
        <Traceback stack={stack} />
        {node && !inOtherRun && (
          <details>
            <summary>{t("ui.input")}</summary>
            <NodeInput
              id={node}
              status="failed"
              word=""
              places={Object.fromEntries(at.map(({ loop, place }) => [loop, { place }]))}
            />
          </details>
        )}
        {node && !inOtherRun && (
          <div className={css.links}>
            <button type="button" className={css.node} onClick={() => select({ node, at, tab: "logs" })}>
              {t("ui.logs")}
            </button>
            <EditNode id={node} />
          </div>
        )}
      </div>
    </div>
  );
}

type ErrorContext = NonNullable<RunFailureReport["failure"]>["around"][number];

function contextText({ node, place, run }: ErrorContext, isIteration: boolean): string {
  if (run) return t("runs.inCalledRun", { node });
  const number = (place ?? 0) + 1;
  return isIteration ? t("runs.inIteration", { number, node }) : t("runs.inBranch", { number, node });
}

function describeError(thrown: unknown): { name: string; message: string; stack: string; line: number | null } {
  const error = errorOf(thrown);
  if (error) return { ...error, line: lineOf(error) };
  const message = thrown == null ? t("runs.errorNotStored") : JSON.stringify(thrown);
  return { name: t("lib.failed"), message, stack: "", line: null };
}
