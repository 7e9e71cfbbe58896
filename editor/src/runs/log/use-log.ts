import { useCallback, useEffect, useMemo, useRef } from "react";
import { follow, type LogSelection } from "../../api/stream";
import { LogBuffer } from "./log-buffer";

/** Selection of the log that is read. `names`: several nodes, if neither `node` nor `job` is set. */
export interface LogSource {
  node?: string;
  job?: string;
  attempt?: number;
  names?: readonly string[];
}

/** Read a log while it is written. Return its buffer, and a function that reads on after a full buffer. */
export function useLog(workspace: string, run: string, { names, ...selection }: LogSource): [LogBuffer, () => void] {
  const key = JSON.stringify([workspace, run, selection, names]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another log needs another buffer
  const reading = useMemo(() => new LogBuffer(), [key]);
  const cursor = useRef("");
  const stop = useRef(() => {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key covers all values
  const start = useCallback(
    (behind: LogSelection) => {
      stop.current();
      reading.clear();
      const wanted = names ? new Set(names) : null;
      let isFirst = true;
      stop.current = follow(
        workspace,
        run,
        {
          status: () => {
            if (!isFirst) reading.setStatus({ loaded: true });
            isFirst = false;
          },
          log: (parts, at) => {
            reading.append(wanted ? parts.filter((part) => wanted.has(part.node)) : parts);
            cursor.current = at;
            if (reading.full) stop.current();
          },
          connected: (connected) => reading.setStatus({ connected }),
          end: () => reading.setStatus({ ended: true }),
        },
        { ...selection, ...behind },
      );
    },
    [key, reading],
  );
  useEffect(() => {
    start({});
    return () => stop.current();
  }, [start]);
  const continueReading = useCallback(() => start({ cursor: cursor.current }), [start]);
  return [reading, continueReading];
}
