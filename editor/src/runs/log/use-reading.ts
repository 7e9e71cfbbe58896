import { useCallback, useEffect, useMemo, useRef } from "react";
import { type Asked, follow } from "../../api/stream";
import { Reading } from "./reading";

/** Whose log is read. `names`: of several nodes, where neither one nor a job is asked for. */
export interface Whose {
  node?: string;
  job?: string;
  attempt?: number;
  names?: readonly string[];
}

/** Reads a log as it is printed; gives what reads on where more was printed than is kept at once. */
export function useReading(workspace: string, run: string, { names, ...asked }: Whose): [Reading, () => void] {
  const key = JSON.stringify([workspace, run, asked, names]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another log is another reading
  const reading = useMemo(() => new Reading(), [key]);
  const cursor = useRef("");
  const stop = useRef(() => {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all of it
  const begin = useCallback(
    (behind: Asked) => {
      stop.current();
      reading.clear();
      const wanted = names ? new Set(names) : null;
      stop.current = follow(
        workspace,
        run,
        {
          status: () => {},
          log: (parts, at) => {
            reading.take(wanted ? parts.filter((part) => wanted.has(part.node)) : parts);
            cursor.current = at;
            if (reading.full) stop.current();
          },
          heard: (heard) => reading.say({ heard }),
          end: () => reading.say({ ended: true }),
        },
        { ...asked, ...behind },
      );
    },
    [key, reading],
  );
  useEffect(() => {
    begin({});
    return () => stop.current();
  }, [begin]);
  const readOn = useCallback(() => begin({ cursor: cursor.current }), [begin]);
  return [reading, readOn];
}
