import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { pauseBefore, pauseNoMore, pausesQuery, type RunPauses } from "../../api/pauses";
import { useEditor } from "../../editing/context";
import { isOver } from "../../editing/live";
import type { Editor } from "../../editing/store";
import { Button, Field, Input } from "../../ui/controls";
import { complain, say } from "../../ui/toasts";
import { useRun } from "../context";
import { PausedCard } from "./paused";
import css from "./pausing.module.css";

/** Changes whenever a breakpoint, or what is paused before the node, may have changed. */
function signOf({ live }: Editor, node: string): string {
  const stands = live?.nodes[node];
  return JSON.stringify([live?.graph?.breakpoints ?? [], stands?.status, stands?.counts?.paused ?? 0]);
}

/** Where the run pauses before a node, and how it goes on. */
export function Pausing({ node }: { node: string }) {
  const { workspace, id: run } = useRun();
  const over = useEditor((editor) => isOver(editor.live));
  const sign = useEditor((editor) => signOf(editor, node));
  const asked = useQuery({ ...pausesQuery(workspace, run, sign), enabled: !over, placeholderData: keepPreviousData });
  if (over || !asked.data) return null;
  const paused = asked.data.paused.filter((each) => each.node === node);
  if (!asked.data.may_pause && paused.length === 0) return null;
  return (
    <section className={css.part} aria-label="Pause">
      {paused.map((each) => (
        <PausedCard key={each.job} paused={each} may={asked.data} alone={paused.length === 1} />
      ))}
      {asked.data.may_pause && <Before node={node} pauses={asked.data} />}
    </section>
  );
}

/** Sets and takes back the breakpoint before a node. */
function Before({ node, pauses }: { node: string; pauses: RunPauses }) {
  const { workspace, id: run } = useRun();
  const queries = useQueryClient();
  const [when, setWhen] = useState("");
  const change = useMutation({
    mutationFn: async ({ on }: { on: boolean }) =>
      on ? pauseBefore(workspace, run, node, when.trim() || null) : pauseNoMore(workspace, run, node),
    onSuccess: (_, { on }) => say(on ? `The run pauses before ${node}.` : `The run no longer pauses before ${node}.`),
    onError: complain,
    onSettled: () => queries.invalidateQueries({ queryKey: ["run", workspace, run, "pauses"] }),
  });
  const set = pauses.breakpoints.find((each) => each.node === node);
  if (set) {
    return (
      <div className={css.row}>
        <p>
          Pauses before this node, set by {set.by}
          {set.if && (
            <>
              , if <code>{set.if}</code>
            </>
          )}
          .
        </p>
        <Button disabled={change.isPending} onClick={() => change.mutate({ on: false })}>
          Do not pause
        </Button>
      </div>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ on: true });
  };
  return (
    <form className={css.before} onSubmit={submit}>
      {pauses.may_change && (
        <Field label="Only if" help="An expression; empty: always.">
          <Input
            value={when}
            placeholder="flow_input.iter.index === 3"
            spellCheck={false}
            onChange={(event) => setWhen(event.target.value)}
          />
        </Field>
      )}
      <Button type="submit" icon="pause" disabled={change.isPending}>
        Pause before this
      </Button>
    </form>
  );
}
