import { useEditor } from "../../editor/context";
import { useNodeJob } from "../../editor/node-job";
import { ENDED } from "../../lib/status";
import { t } from "../../texts/runs";
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
      {job && ENDED.has(status) ? (
        <RunValue
          key={job}
          name={`Output of ${id}`}
          of={{ what: "result", job }}
          word={word}
          failed={status === "failed"}
        />
      ) : (
        <p className={css.empty}>{t(ENDED.has(run?.status ?? "") ? "runs.noOutputOfNode" : "runs.noNodeOutput")}</p>
      )}
    </>
  );
}
