import { useMemo } from "react";
import { errorOf, lineOf } from "../lib/error-line";
import { at, type Json } from "../workflow/types";
import type { Fault } from "./code";
import { useSignature } from "./signature";

/**
 * What is wrong with a code, at its lines: where it cannot be read, and where its last test failed. `failed`: what that
 * gave, `{error: {…}}`; undefined where none of this very code did.
 */
export function useCodeFaults(
  workspace: string,
  language: string,
  content: string,
  failed: Json | undefined,
): readonly Fault[] {
  const unread = useSignature(workspace, language, content).data?.fault;
  return useMemo(() => {
    const faults: Fault[] = unread ? [{ line: unread.line, message: unread.message, severity: "error" }] : [];
    const error = errorOf(at(failed, ["error"]));
    const line = error && lineOf(error);
    if (error && line) faults.push({ line, message: `${error.name}: ${error.message}`, severity: "error" });
    return faults;
  }, [unread, failed]);
}
