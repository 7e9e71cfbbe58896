import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useEditor } from "../../editor/context";
import { isStatusKnown } from "../../editor/run-watch";
import { ENDED } from "../../lib/status";
import { t } from "../../texts/runs";
import { Input } from "../../ui/controls";
import { Skeleton } from "../../ui/states";
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
  const statusKnown = useEditor((editor) => isStatusKnown(editor.live));
  const nodes = useEditor((editor) => editor.live?.nodes);
  const preprocessor = nodes?.preprocessor?.status;
  // Until the nodes are known, the inputs may be those before the preprocessor.
  const known = useEditor((editor) => editor.live?.graph != null) || !about.is_workflow;
  const order = useEditor(useShallow(({ graph }) => [...graph.byId.keys()]));
  const begun = Object.entries(nodes ?? {})
    .filter(([, node]) => !["pending", "skipped"].includes(node.status))
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
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
      {preprocessor && (
        <Section title={t("runs.receivedInputs")} open>
          <RunValue name="Received inputs" of={{ what: "received", job: id }} word={word} />
        </Section>
      )}
      {(!preprocessor || preprocessor === "succeeded") && (
        <Section title={t(preprocessor ? "runs.preprocessedInputs" : "runs.inputs")} open>
          {known ? <RunValue name="Inputs" of={{ what: "args", job: id }} word={word} /> : <Skeleton rows={2} />}
        </Section>
      )}
      <Section title={t("runs.result")} open>
        {!statusKnown && <Skeleton rows={2} />}
        {over && <RunValue name="Result" of={{ what: "result", job: id }} word={word} failed={failed} />}
        {statusKnown && !over && <p className={css.empty}>{t("runs.resultLater")}</p>}
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
