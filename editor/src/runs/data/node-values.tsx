import { useEditor } from "../../editor/context";
import { useNodeJob } from "../../editor/node-job";
import { nodeStateOf } from "../../editor/run-watch";
import { ENDED } from "../../lib/status";
import { t } from "../../texts/runs";
import { type ConditionEnd, conditionBefore, conditionEndsOf } from "./condition-ends";
import css from "./data.module.css";
import { NodeInput } from "./node-input";
import { RunValue } from "./value";

/** Input and output of a node in the shown iteration. */
export function NodeValues({ id, word = "" }: { id: string; word?: string }) {
  const run = useEditor((editor) => editor.live);
  const { job, status, undecidedLoop } = useNodeJob(id, run);
  return (
    <>
      {undecidedLoop && <p className={css.empty}>{t("runs.firstIteration", { loop: undecidedLoop })}</p>}
      <h3>{t("ui.input")}</h3>
      <NodeInput id={id} status={status} word={word} />
      <h3>{t(status === "failed" ? "ui.error" : "ui.output")}</h3>
      <ConditionEnds id={id} />
      {job && ENDED.has(status) ? (
        <RunValue
          key={job}
          name={`Output of ${id}`}
          of={{ what: "result", job }}
          word={word}
          failed={status === "failed"}
        />
      ) : (
        <NoOutput id={id} over={ENDED.has(run?.status ?? "")} />
      )}
    </>
  );
}

/** The conditions at which iterations of a loop ended, which explain their output null. */
function ConditionEnds({ id }: { id: string }) {
  const found = useEditor((editor) => JSON.stringify(conditionEndsOf(editor, id)));
  return (JSON.parse(found) as ConditionEnd[]).map(({ condition, count, total }) => (
    <p key={condition} className={css.empty}>
      {total === null
        ? t("runs.iterationEnded", { condition })
        : t("runs.iterationsEnded", { count, total, condition })}
    </p>
  ));
}

function NoOutput({ id, over }: { id: string; over: boolean }) {
  const condition = useEditor((editor) =>
    nodeStateOf(editor, id)?.status === "skipped" ? conditionBefore(editor, id) : null,
  );
  if (condition !== null) return <p className={css.empty}>{t("runs.skippedAfterCondition", { condition })}</p>;
  return <p className={css.empty}>{t(over ? "runs.noOutputOfNode" : "runs.noNodeOutput")}</p>;
}
