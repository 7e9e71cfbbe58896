import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { type Continuation, continueNode, type PausedNode, type RunPauses } from "../../api/breakpoints";
import { Button } from "../../ui/controls";
import { Skeleton } from "../../ui/states";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { notify, notifyError } from "../../ui/toasts";
import { useRun } from "../context";
import css from "./breakpoints.module.css";

const Change = lazy(async () => ({ default: (await import("./paused-values")).PausedValues }));

interface Props {
  paused: PausedNode;
  permissions: RunPauses;
  isOnly: boolean;
}

/** One node that is paused: lets it go on, as it is or changed. */
export function PausedNodeCard({ paused, permissions, isOnly }: Props) {
  const { workspace, id: run } = useRun();
  const queries = useQueryClient();
  const [open, setOpen] = useState(isOnly);
  const continuing = useMutation({
    mutationFn: (given: Continuation) => continueNode(workspace, run, paused.job, given),
    onSuccess: () => notify(`${paused.node} goes on.`),
    onError: notifyError,
    onSettled: () => queries.invalidateQueries({ queryKey: ["run", workspace, run, "pauses"] }),
  });
  const place = paused.place === undefined ? "" : ` in iteration ${paused.place}`;
  return (
    <article className={css.card} aria-label={`${paused.node}${place} is paused`}>
      <header className={css.row}>
        <p>
          <Status status="paused" word={`paused${place}`} /> by {paused.by}, <Time at={paused.paused_at} />
        </p>
        {permissions.may_pause && (
          <Button look="main" icon="play" disabled={continuing.isPending} onClick={() => continuing.mutate({})}>
            Continue
          </Button>
        )}
      </header>
      {paused.threw && <p className={css.error}>Its condition threw: {paused.threw}</p>}
      {open ? (
        <Suspense fallback={<Skeleton rows={3} />}>
          <Change
            paused={paused}
            mayChange={permissions.may_pause && permissions.may_change}
            busy={continuing.isPending}
            onContinue={continuing.mutate}
          />
        </Suspense>
      ) : (
        <Button look="quiet" onClick={() => setOpen(true)}>
          Look at its inputs
        </Button>
      )}
    </article>
  );
}
