import { useQuery } from "@tanstack/react-query";
import { useShallow } from "zustand/react/shallow";
import { nodeInputsQuery } from "../api/node-inputs";
import {
  describeInputs,
  type IterationNumbers,
  iterationsAround,
  type ReceivedInputs,
} from "../workflow/received-inputs";
import { at } from "../workflow/types";
import { useEditor } from "./context";
import type { Editor } from "./store";

const NOT_STARTED = new Set(["pending", "skipped"]);

/** Return the inputs that a node received in the shown iteration, or that with `numbers`; `loading` until they are fetched. */
export function useReceivedInputs(
  run: string,
  id: string,
  status: string,
  numbers?: IterationNumbers,
): ReceivedInputs & { loading: boolean } {
  const workspace = useEditor((editor) => editor.workspace);
  const transforms = useEditor((editor) => {
    const node = editor.graph.byId.get(id);
    return node ? at(editor.tree, [...node.path, "value", "input_transforms"]) : undefined;
  });
  const iterations = useEditor(
    useShallow((editor: Editor) => iterationsAround(editor.graph, id, numbers ?? editor.shownIterations)),
  );
  const found = useQuery({
    ...nodeInputsQuery(workspace, run, id, iterations, status),
    enabled: !NOT_STARTED.has(status),
    retry: false,
  });
  return { ...describeInputs(transforms, found.data ?? null), loading: found.isLoading };
}
