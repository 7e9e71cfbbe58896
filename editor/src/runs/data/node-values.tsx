import { ENDED } from "../../lib/status";
import { useNodeJob } from "../node-job";
import css from "./data.module.css";
import { NodeInput } from "./node-input";
import { RunValue } from "./value";

/** What one node took and gave, in the iteration that is shown. */
export function NodeValues({ id, word = "" }: { id: string; word?: string }) {
  const { job, status, undecidedLoop } = useNodeJob(id);
  if (undecidedLoop)
    return (
      <p className={css.empty}>It ran once for each iteration of {undecidedLoop}: choose one of them on the graph.</p>
    );
  return (
    <>
      <h3>Input</h3>
      <NodeInput id={id} word={word} />
      <h3>{status === "failed" ? "Error" : "Output"}</h3>
      {job && ENDED.has(status) ? (
        <RunValue key={job} label={`Output of ${id}`} of={{ what: "result", job }} word={word} />
      ) : (
        <p className={css.empty}>It has given nothing yet.</p>
      )}
    </>
  );
}
