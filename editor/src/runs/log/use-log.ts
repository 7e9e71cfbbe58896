import { useCallback, useEffect, useMemo, useRef } from "react";
import { follow, type LogSelection } from "../../api/stream";
import { LogBuffer } from "./log-buffer";

/** Whose log is read. `names`: of several nodes, where neither one nor a job is asked for. */
export interface LogSource {
  node?: string;
  job?: string;
  attempt?: number;
  names?: readonly string[];
}

/** Reads a log as it is printed; gives what reads on where more was printed than is kept at once. */
export function useLog(workspace: string, run: string, { names, ...asked }: LogSource): [LogBuffer, () => void] {
  const key = JSON.stringify([workspace, run, asked, names]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another log is another reading
  const reading = useMemo(() => new LogBuffer(), [key]);
  const cursor = useRef("");
  const stop = useRef(() => {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all of it
  const start = useCallback(
    (behind: LogSelection) => {
      stop.current();
      reading.clear();
      const wanted = names ? new Set(names) : null;
      stop.current = follow(
        workspace,
        run,
        {
          status: () => {},
          log: (parts, at) => {
            reading.append(wanted ? parts.filter((part) => wanted.has(part.node)) : parts);
            cursor.current = at;
            if (reading.full) stop.current();
          },
          connected: (heard) => reading.setStatus({ heard }),
          end: () => reading.setStatus({ ended: true }),
        },
        { ...asked, ...behind },
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
