import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { pausesQuery, type RunPauses, removeBreakpoint, setBreakpoint } from "../../api/breakpoints";
import { useEditor } from "../../editor/context";
import { hasStarted, isRunOver } from "../../editor/run-watch";
import type { Editor } from "../../editor/store";
import { t, tWith } from "../../texts/runs";
import { Button, Field, Input } from "../../ui/controls";
import { notify, notifyError } from "../../ui/toasts";
import { useRun } from "../context";
import css from "./breakpoints.module.css";
import { PausedNodeCard } from "./paused-node";

const EXAMPLE = "flow_input.iter.index === 3";

/** Return a text that changes when the breakpoints or the paused jobs of a node may have changed. */
function revisionOf({ live }: Editor, node: string): string {
  const state = live?.nodes[node];
  return JSON.stringify([live?.graph?.breakpoints ?? [], state?.status, state?.counts?.paused ?? 0]);
}

/** Breakpoint before a node, and the paused jobs of the node. */
export function Breakpoints({ node }: { node: string }) {
  const { workspace, id: run } = useRun();
  const over = useEditor((editor) => isRunOver(editor.live));
  const revision = useEditor((editor) => revisionOf(editor, node));
  const pauses = useQuery({
    ...pausesQuery(workspace, run, revision),
    enabled: !over,
    placeholderData: keepPreviousData,
  });
  const started = useEditor((editor) => hasStarted(editor, node));
  if (over || !pauses.data) return null;
  const paused = pauses.data.paused.filter((each) => each.node === node);
  const isSet = pauses.data.breakpoints.some((each) => each.node === node);
  const hasForm = pauses.data.may_pause && (isSet || !started);
  if (!hasForm && paused.length === 0) return null;
  return (
    <section className={css.section} aria-label={t("runs.breakpoint")}>
      {paused.map((each) => (
        <PausedNodeCard key={each.job} paused={each} permissions={pauses.data} isOnly={paused.length === 1} />
      ))}
      {hasForm && <BreakpointForm node={node} pauses={pauses.data} />}
    </section>
  );
}

/** Form to set and remove the breakpoint before a node. */
function BreakpointForm({ node, pauses }: { node: string; pauses: RunPauses }) {
  const { workspace, id: run } = useRun();
  const queries = useQueryClient();
  const [when, setWhen] = useState("");
  const change = useMutation({
    mutationFn: async ({ on }: { on: boolean }) =>
      on ? setBreakpoint(workspace, run, node, when.trim() || null) : removeBreakpoint(workspace, run, node),
    onSuccess: (_, { on }) => notify(t(on ? "runs.breakpointAdded" : "runs.breakpointRemoved", { node })),
    onError: notifyError,
    onSettled: () => queries.invalidateQueries({ queryKey: ["run", workspace, run, "pauses"] }),
  });
  const set = pauses.breakpoints.find((each) => each.node === node);
  if (set) {
    return (
      <div className={css.row}>
        <p>
          {set.if
            ? tWith("runs.breakpointSetByIf", { condition: <code key="condition">{set.if}</code> }, { user: set.by })
            : t("runs.breakpointSetBy", { user: set.by })}
        </p>
        <Button disabled={change.isPending} onClick={() => change.mutate({ on: false })}>
          {t("runs.removeBreakpoint")}
        </Button>
      </div>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ on: true });
  };
  return (
    <form className={css.form} onSubmit={submit}>
      {pauses.may_change && (
        <Field label={t("runs.breakpointCondition")} help={t("runs.breakpointConditionHelp")}>
          <Input
            value={when}
            placeholder={EXAMPLE}
            spellCheck={false}
            onChange={(event) => setWhen(event.target.value)}
          />
        </Field>
      )}
      <Button type="submit" icon="pause" disabled={change.isPending}>
        {t("runs.addBreakpoint")}
      </Button>
    </form>
  );
}
