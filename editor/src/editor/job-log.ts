import { useEffect, useState } from "react";
import { follow } from "../api/stream";
import { useEditor } from "./context";
import { MAX_LOG_LENGTH } from "./run-watch";

/** Return the log of a job of a run, while it is written. */
export function useJobLog(run: string, job: string): string {
  const workspace = useEditor((editor) => editor.workspace);
  const [text, setText] = useState("");
  useEffect(() => {
    setText("");
    return follow(
      workspace,
      run,
      {
        status: () => {},
        log: (parts) => setText((before) => (before + parts.map((part) => part.text).join("")).slice(-MAX_LOG_LENGTH)),
        connected: () => {},
        end: () => {},
      },
      { job },
    );
  }, [workspace, run, job]);
  return text;
}
