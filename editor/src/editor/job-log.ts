import { useEffect, useState } from "react";
import { follow } from "../api/stream";
import { useEditor } from "./context";
import { EMPTY_LOG, type TimedLog, withPart } from "./timed-log";

/** Return the log of a job of a run, while it is written. */
export function useJobLog(run: string, job: string): TimedLog {
  const workspace = useEditor((editor) => editor.workspace);
  const [log, setLog] = useState(EMPTY_LOG);
  useEffect(() => {
    setLog(EMPTY_LOG);
    return follow(
      workspace,
      run,
      {
        status: () => {},
        log: (parts) => setLog((before) => parts.reduce(withPart, before)),
        connected: () => {},
        end: () => {},
      },
      { job },
    );
  }, [workspace, run, job]);
  return log;
}
