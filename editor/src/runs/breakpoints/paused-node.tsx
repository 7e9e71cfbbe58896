import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Continuation, continueNode, type PausedNode, type RunPauses } from "../../api/breakpoints";
import { lazyComponent } from "../../lib/lazy-component";
import { t, tWith } from "../../texts/runs";
import { Button } from "../../ui/controls";
import { Skeleton } from "../../ui/states";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { notify, notifyError } from "../../ui/toasts";
import { useRun } from "../context";
import css from "./breakpoints.module.css";

const Change = lazyComponent(
  async () => ({ default: (await import("./paused-values")).PausedValues }),
  <Skeleton rows={3} />,
);

interface Props {
  paused: PausedNode;
  permissions: RunPauses;
  isOnly: boolean;
}

/** Card of a paused job, to continue it with the same or other inputs, or with a result. */
export function PausedNodeCard({ paused, permissions, isOnly }: Props) {
  const { workspace, id: run } = useRun();
  const queries = useQueryClient();
  const [open, setOpen] = useState(isOnly);
  const continuing = useMutation({
    mutationFn: (given: Continuation) => continueNode(workspace, run, paused.job, given),
    onSuccess: () => notify(t("runs.nodeContinued", { node: paused.node })),
    onError: notifyError,
    onSettled: () => queries.invalidateQueries({ queryKey: ["run", workspace, run, "pauses"] }),
  });
  const { node, place: number } = paused;
  const label =
    number === undefined ? t("runs.nodePaused", { node }) : t("runs.nodePausedInIteration", { node, number });
  const status = number === undefined ? t("lib.paused") : t("runs.pausedInIteration", { number });
  return (
    <article className={css.card} aria-label={label}>
      <header className={css.row}>
        <p>
          {tWith(
            "runs.pausedBy",
            {
              status: <Status key="status" status="paused" word={status} />,
              time: <Time key="time" at={paused.paused_at} />,
            },
            { user: paused.by },
          )}
        </p>
        {permissions.may_pause && (
          <Button look="main" icon="play" disabled={continuing.isPending} onClick={() => continuing.mutate({})}>
            {t("runs.continue")}
          </Button>
        )}
      </header>
      {paused.threw && <p className={css.error}>{t("runs.conditionFailed", { error: paused.threw })}</p>}
      {open ? (
        <Change
          paused={paused}
          mayChange={permissions.may_pause && permissions.may_change}
          busy={continuing.isPending}
          onContinue={continuing.mutate}
        />
      ) : (
        <Button look="quiet" onClick={() => setOpen(true)}>
          {t("runs.showInputs")}
        </Button>
      )}
    </article>
  );
}
