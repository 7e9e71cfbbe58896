import { useMemo } from "react";
import { useEditor } from "../editing/context";
import { type Json, text } from "../workflow/types";
import { LazyCode } from "./lazy-code";
import { useSignature } from "./signature";

interface Props {
  node: string;
  label: string;
  value: Json | undefined;
  set: (next: string) => void;
}

/** The code of a node, with the line where it cannot be read. */
export function CodeField({ node, label, value, set }: Props) {
  const language = useEditor((editor) => editor.graph.byId.get(node)?.language ?? "");
  const workspace = useEditor((editor) => editor.workspace);
  const { data } = useSignature(workspace, language, text(value));
  const fault = data?.fault;
  const faults = useMemo(
    () => (fault ? [{ line: fault.line, message: fault.message, severity: "error" as const }] : []),
    [fault],
  );
  return (
    <LazyCode label={label} language={language} text={text(value)} changed={set} lines={12} numbers faults={faults} />
  );
}
