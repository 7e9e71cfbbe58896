import { useState } from "react";
import { useEditor } from "../../editor/context";
import { ENDED } from "../../lib/status";
import { Input } from "../../ui/controls";
import { Status } from "../../ui/status";
import { useRun } from "../context";
import css from "./data.module.css";
import { NodeValues } from "./node-values";
import { RunValue } from "./value";

/** What came in, what came out, and what each node took and gave. */
export function RunData() {
  const { id, about } = useRun();
  const [word, setWord] = useState("");
  const over = useEditor((editor) => ENDED.has(editor.live?.status ?? ""));
  const nodes = useEditor((editor) => editor.live?.nodes);
  const begun = Object.entries(nodes ?? {}).filter(([, node]) => !["pending", "skipped"].includes(node.status));
  return (
    <div className={css.page}>
      <Input
        className={css.search}
        type="search"
        aria-label="Search in the data"
        placeholder="Search in what is open below"
        value={word}
        onChange={(event) => setWord(event.target.value.trim())}
      />
      <Section title="Inputs" open>
        <RunValue label="Inputs" of={{ what: "args", job: id }} word={word} />
      </Section>
      <Section title="Result" open>
        {over ? (
          <RunValue label="Result" of={{ what: "result", job: id }} word={word} />
        ) : (
          <p className={css.empty}>The run has not ended.</p>
        )}
      </Section>
      {about.is_workflow && begun.map(([node]) => <NodeSection key={node} id={node} word={word} />)}
    </div>
  );
}

function Section(props: { title: string; open?: boolean; beside?: React.ReactNode; children: React.ReactNode }) {
  const [open, setOpen] = useState(props.open ?? false);
  return (
    <details className={css.section} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span>{props.title}</span>
        {props.beside}
      </summary>
      {open && <div className={css.inner}>{props.children}</div>}
    </details>
  );
}

function NodeSection({ id, word }: { id: string; word: string }) {
  const { selection } = useRun();
  const status = useEditor((editor) => editor.live?.nodes[id]?.status ?? "pending");
  return (
    <Section title={id} open={selection.node === id} beside={<Status status={status} />}>
      <NodeValues id={id} word={word} />
    </Section>
  );
}
