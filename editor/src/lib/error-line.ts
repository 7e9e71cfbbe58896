import { t } from "../texts/t";

/** Error of a failed run or job. */
export interface JobError {
  name: string;
  message: string;
  stack: string;
}

/** Return an error that the server sent; null for other values. */
export function errorOf(value: unknown): JobError | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { name, message, stack } = value as Record<string, unknown>;
  return {
    name: String(name ?? t("lib.error")),
    message: String(message ?? ""),
    stack: typeof stack === "string" ? stack : "",
  };
}

/** Return the error in the result of a failed run or job, which may have further members; null if there is none. */
export function errorOfFailed(result: unknown): JobError | null {
  if (typeof result !== "object" || result === null || Array.isArray(result)) return null;
  return errorOf((result as Record<string, unknown>).error);
}

/**
 * Return the line of the script that raised an error, from 1; null if unknown. The innermost call is the first of a
 * stack, in Python the last. Syntax errors and errors of databases and shells have the line in their message only.
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
