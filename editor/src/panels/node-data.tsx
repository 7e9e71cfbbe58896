import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { argsOf, type NodeStands, resultOf, valueQuery } from "../api/runs";
import { useEditor } from "../editing/context";
import css from "../inspector/inspector.module.css";
import { errorOfResult } from "../lib/error-line";
import { ENDED } from "../lib/state";
import { ErrorText } from "../ui/error-text";
import { givenTo } from "../workflow/given";
import { at } from "../workflow/types";

const LONGEST = 100_000;

/** What a node gave, got and wrote in a run. */
export function NodeData(props: { run: string; id: string; node: NodeStands; log: string | undefined }) {
  const { run, id, node, log } = props;
  const ended = ENDED.has(node.status) && node.status !== "skipped";
  return (
    <>
      {node.waits?.map((wait) => (
        <p key={wait.reason} className={css.help}>
          {wait.reason}
        </p>
      ))}
      {node.job && ended ? (
        <Value label={`Result of ${id}`} part="output" run={node.job} ask={resultOf} />
      ) : (
        <Part label={`Result of ${id}`} part="output">
          <p className={css.help}>It has given nothing yet.</p>
        </Part>
      )}
      <Input id={id} run={run} />
      <Part label={`Log of ${id}`} part="log">
        {log ? <Text text={log} /> : <p className={css.help}>It has written nothing.</p>}
      </Part>
    </>
  );
}

/** What a run or a node's job gave or got, as text: never as a page. */
export function Value(props: {
  label: string;
  part?: string;
  run: string;
  ask: (workspace: string, run: string) => Promise<unknown>;
}) {
  const { label, part, run, ask } = props;
  const workspace = useEditor((editor) => editor.workspace);
  const found = useQuery(valueQuery(workspace, run, part ?? "whole", ask));
  if (found.isError) return null;
  const error = errorOfResult(found.data);
  return (
    <Part label={label} {...(part ? { part } : {})}>
      {error && <ErrorText error={error} label={`Error in ${label}`} />}
      {found.isSuccess && !error && <Text text={written(found.data)} label={label} />}
    </Part>
  );
}

const written = (value: unknown) => JSON.stringify(value ?? null, null, 2).slice(0, LONGEST);

/** The inputs of a node as its transforms make them; an expression that only the server can answer stands as such. */
function Input({ id, run }: { id: string; run: string }) {
  const workspace = useEditor((editor) => editor.workspace);
  const results = useEditor((editor) => editor.results);
  const transforms = useEditor((editor) => {
    const node = editor.graph.byId.get(id);
    return node ? at(editor.tree, [...node.path, "value", "input_transforms"]) : undefined;
  });
  const args = useQuery({ queryKey: ["args", workspace, run], queryFn: () => argsOf(workspace, run) });
  const given = Object.entries(givenTo(transforms, args.data ?? {}, results));
  const label = `Input of ${id}`;
  const known = given.flatMap(([name, each]) => ("value" in each ? [[name, each.value]] : []));
  const asked = given.flatMap(([name, each]) => ("expr" in each ? [`${name} = ${each.expr}`] : []));
  return (
    <Part label={label} part="input">
      {known.length > 0 && <Text text={written(Object.fromEntries(known))} label={label} />}
      {asked.length > 0 && <Text text={asked.join("\n")} />}
      {given.length === 0 && <p className={css.help}>It takes no inputs.</p>}
    </Part>
  );
}

function Part({ label, part, children }: { label: string; part?: string; children: ReactNode }) {
  return (
    <section aria-label={label} data-field={part} tabIndex={part ? -1 : undefined}>
      <h3>{label}</h3>
      {children}
    </section>
  );
}

function Text({ text, label }: { text: string; label?: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
    <pre className={css.value} tabIndex={0} data-result={label}>
      {text}
    </pre>
  );
}
