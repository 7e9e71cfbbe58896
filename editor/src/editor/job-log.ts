import { useEffect, useState } from "react";
import { follow } from "../api/stream";
import { useEditor } from "./context";
import { EMPTY_LOG, type TimedLog, withPart } from "./timed-log";

/** Return the log of a job of a run, while it is written. `loading`: what was written before has not been read yet. */
export function useJobLog(run: string, job: string): { log: TimedLog; loading: boolean } {
  const workspace = useEditor((editor) => editor.workspace);
  const [log, setLog] = useState(EMPTY_LOG);
  const [loading, setLoading] = useState(true);
  useEffect(() => {
    setLog(EMPTY_LOG);
    setLoading(true);
    let isFirst = true;
    return follow(
      workspace,
      run,
      {
        status: () => {
          if (!isFirst) setLoading(false);
          isFirst = false;
        },
        log: (parts) => setLog((before) => parts.reduce(withPart, before)),
        connected: () => {},
        end: () => setLoading(false),
      },
      { job },
    );
  }, [workspace, run, job]);
  return { log, loading };
}
