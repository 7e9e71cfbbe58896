import { useState } from "react";
import { useEditor } from "../../editor/context";
import { ENDED } from "../../lib/status";
import { t } from "../../texts/runs";
import { Input } from "../../ui/controls";
import { Status } from "../../ui/status";
import { useRun } from "../context";
import css from "./data.module.css";
import { NodeValues } from "./node-values";
import { RunValue } from "./value";

/** Inputs and result of the run, and the input and output of each node. */
export function RunData() {
  const { id, about } = useRun();
  const [word, setWord] = useState("");
  const over = useEditor((editor) => ENDED.has(editor.live?.status ?? ""));
  const failed = useEditor((editor) => editor.live?.status === "failed");
  const nodes = useEditor((editor) => editor.live?.nodes);
  const begun = Object.entries(nodes ?? {}).filter(([, node]) => !["pending", "skipped"].includes(node.status));
  return (
    <div className={css.page}>
      <Input
        className={css.search}
        type="search"
        aria-label={t("runs.filterData")}
        placeholder={t("runs.filterDataPlaceholder")}
        value={word}
        onChange={(event) => setWord(event.target.value.trim())}
      />
      <Section title={t("runs.inputs")} open>
        <RunValue name="Inputs" of={{ what: "args", job: id }} word={word} />
      </Section>
      <Section title={t("runs.result")} open>
        {over ? (
          <RunValue name="Result" of={{ what: "result", job: id }} word={word} failed={failed} />
        ) : (
          <p className={css.empty}>{t("runs.resultLater")}</p>
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
