import { useQueries, useQuery } from "@tanstack/react-query";
import { useShallow } from "zustand/react/shallow";
import { valuePart } from "../../api/values";
import { useEditor } from "../../editor/context";
import type { Editor } from "../../editor/store";
import { t } from "../../texts/runs";
import { isLoop } from "../../workflow/kinds";
import { referencesIn, resolveInputs } from "../../workflow/resolved-inputs";
import { at, isTree, type Json, type Tree } from "../../workflow/types";
import { useRun } from "../context";
import css from "./data.module.css";
import { JsonTree } from "./json-tree";

/** Maximum size of the values that are read to evaluate the input of a node. */
const MAX_BYTES = 256 << 10;

/**
 * Input of a node, evaluated from its transforms, the inputs of the run and the results of other nodes. Expressions that
 * only the server can evaluate are shown as such.
 */
export function NodeInput({ id, word, places }: { id: string; word: string; places?: IterationNumbers }) {
  const { workspace, id: run } = useRun();
  const transforms = useEditor((editor) => {
    const node = editor.graph.byId.get(id);
    return node ? at(editor.tree, [...node.path, "value", "input_transforms"]) : undefined;
  });
  const shown = useEditor((editor) => editor.shownIterations);
  const around = useEditor(useShallow((editor) => loopAround(editor, id, places ?? shown)));
  const nodes = useEditor((editor) => editor.live?.nodes);
  const read = referencesIn({
    ...(isTree(transforms ?? null) ? (transforms as Tree) : {}),
    " ": around.iterator ?? null,
  });
  const sources = read.results.flatMap((name) => {
    const job = nodes?.[name]?.job;
    return job && nodes?.[name]?.status === "succeeded" ? [{ name, job }] : [];
  });
  const args = useQuery({ ...wholeQuery(workspace, "args", run), enabled: read.input });
  const results = useQueries({ queries: sources.map(({ job }) => wholeQuery(workspace, "result", job)) });
  const known: Tree = {};
  sources.forEach(({ name }, n) => {
    const value = results[n]?.data;
    if (value !== undefined && value !== null) known[name] = value.value;
  });
  const given = Object.entries(resolveInputs(transforms, withItem(args.data?.value ?? {}, around, known), known));
  if (given.length === 0) return <p className={css.empty}>{t("runs.noInputs")}</p>;
  const values = Object.fromEntries(given.flatMap(([name, each]) => ("value" in each ? [[name, each.value]] : [])));
  const asked = given.flatMap(([name, each]) => ("expr" in each ? [[name, each.expr] as const] : []));
  return (
    <div data-value={`Input of ${id}`}>
      {Object.keys(values).length > 0 && <JsonTree value={values as Json} word={word} />}
      {asked.map(([name, expr]) => (
        <div key={name}>
          <code>
            {name} = {expr}
          </code>
        </div>
      ))}
    </div>
  );
}

type IterationNumbers = Readonly<Record<string, { place: number }>>;

interface LoopContext {
  iterator: Json | undefined;
  place: number;
}

/** Return the iterator of the innermost loop around a node and the number of its shown iteration; 0 if none. */
function loopAround({ graph, tree }: Editor, id: string, places: IterationNumbers): LoopContext {
  for (let each = graph.byId.get(id)?.inside; each; each = graph.byId.get(each)?.inside) {
    const holder = graph.byId.get(each);
    if (!holder || !isLoop(holder.kind)) continue;
    return { iterator: at(tree, [...holder.path, "value", "iterator"]), place: places[each]?.place ?? 0 };
  }
  return { iterator: undefined, place: 0 };
}

/** Return the inputs of the run as an iteration has them, if the items of its loop are known. */
function withItem(input: Json, { iterator, place }: LoopContext, results: Json): Json {
  if (place === 0 || !isTree(input)) return input;
  const items = resolveInputs({ items: iterator ?? null }, input, results).items;
  const list = items && "value" in items ? items.value : undefined;
  if (!Array.isArray(list) || place > list.length) return input;
  return { ...input, iter: { value: list[place - 1] ?? null, index: place - 1 } };
}

/** Query of a value; null if it is too large. */
export const wholeQuery = (workspace: string, what: "args" | "result", job: string) => ({
  queryKey: ["whole-value", workspace, what, job],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async (): Promise<{ value: Json } | null> => {
    const part = await valuePart(workspace, { what, job }, 0, MAX_BYTES);
    return part.bytes < part.size ? null : { value: JSON.parse(part.text) as Json };
  },
});
