/** What a run or a job that failed ended with. */
export interface JobError {
  name: string;
  message: string;
  stack: string;
}

/** An error as the server tells it; null of what is none. */
export function errorOf(value: unknown): JobError | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { name, message, stack } = value as Record<string, unknown>;
  return {
    name: String(name ?? "Failed"),
    message: String(message ?? ""),
    stack: typeof stack === "string" ? stack : "",
  };
}

/** The error in the result of a failed run or job, which is `{error}`; null of any other result. */
export function errorOfResult(result: unknown): JobError | null {
  if (typeof result !== "object" || result === null || Array.isArray(result)) return null;
  const members = Object.entries(result);
  return members.length === 1 && members[0]?.[0] === "error" ? errorOf(members[0][1]) : null;
}

/**
 * The line of the person's own code that an error is of, from 1. A stack names the innermost call first, but Python's last.
 * What could not be read, and a database's or shell's error, has its line in the message alone.
 */
export function lineOf({ message, stack }: JobError): number | null {
  const python = [...stack.matchAll(/File "([^"]+)", line (\d+)/g)];
  const own = python.findLast(([, file]) => !/site-packages|\/lib\/python/.test(file ?? ""));
  const found =
    own?.[2] ??
    stack.match(/\bscript\.\w+:(\d+)/)?.[1] ??
    stack.match(/:(\d+):\d+\)?/)?.[1] ??
    message.match(/\bscript\.go:(\d+)/)?.[1] ??
    [...message.matchAll(/\bscript\.sh: line (\d+):/g)].at(-1)?.[1] ??
    message.match(/\([^()]*\bline (\d+)\)/)?.[1];
  return found === undefined ? null : Number(found);
}
