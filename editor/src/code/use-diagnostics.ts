import { useMemo } from "react";
import { errorOf, lineOf } from "../lib/error-line";
import { at, type Json } from "../workflow/types";
import type { CodeDiagnostic } from "./code";
import { useSignature } from "./use-signature";

/**
 * Return the problems of a code at their lines: its syntax error and the error of its last test. `failedResult`: the result
 * of that test, `{error: {…}}`; undefined if this code has not failed.
 */
export function useDiagnostics(
  workspace: string,
  language: string,
  content: string,
  failedResult: Json | undefined,
): readonly CodeDiagnostic[] {
  const unread = useSignature(workspace, language, content).data?.fault;
  return useMemo(() => {
    const faults: CodeDiagnostic[] = unread ? [{ line: unread.line, message: unread.message, severity: "error" }] : [];
    const error = errorOf(at(failedResult, ["error"]));
    const line = error && lineOf(error);
    if (error && line) faults.push({ line, message: `${error.name}: ${error.message}`, severity: "error" });
    return faults;
  }, [unread, failedResult]);
}
