import { ENDED } from "../../lib/state";
import { useNodeJob } from "../node-job";
import css from "./data.module.css";
import { NodeInput } from "./node-input";
import { RunValue } from "./value";

/** What one node took and gave, in the iteration that is shown. */
export function NodeValues({ id, word = "" }: { id: string; word?: string }) {
  const { job, status, asks } = useNodeJob(id);
  if (asks)
    return <p className={css.none}>It ran once for each iteration of {asks}: choose one of them on the graph.</p>;
  return (
    <>
      <h3>Input</h3>
      <NodeInput id={id} word={word} />
      <h3>{status === "failed" ? "Error" : "Output"}</h3>
      {job && ENDED.has(status) ? (
        <RunValue key={job} label={`Output of ${id}`} of={{ what: "result", job }} word={word} />
      ) : (
        <p className={css.none}>It has given nothing yet.</p>
      )}
    </>
  );
}
