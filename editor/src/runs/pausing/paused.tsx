import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { goOn, type PausedNode, type RunPauses, type With } from "../../api/pauses";
import { Button } from "../../ui/controls";
import { Skeleton } from "../../ui/states";
import { Time } from "../../ui/time";
import { complain, say } from "../../ui/toasts";
import { useRun } from "../context";
import { Status } from "../status";
import css from "./pausing.module.css";

const Change = lazy(async () => ({ default: (await import("./change")).Change }));

interface Props {
  paused: PausedNode;
  may: RunPauses;
  alone: boolean;
}

/** One node that is paused: lets it go on, as it is or changed. */
export function PausedCard({ paused, may, alone }: Props) {
  const { workspace, id: run } = useRun();
  const queries = useQueryClient();
  const [open, setOpen] = useState(alone);
  const on = useMutation({
    mutationFn: (given: With) => goOn(workspace, run, paused.job, given),
    onSuccess: () => say(`${paused.node} goes on.`),
    onError: complain,
    onSettled: () => queries.invalidateQueries({ queryKey: ["run", workspace, run, "pauses"] }),
  });
  const place = paused.place === undefined ? "" : ` in iteration ${paused.place}`;
  return (
    <article className={css.card} aria-label={`${paused.node}${place} is paused`}>
      <header className={css.row}>
        <p>
          <Status status="paused" word={`paused${place}`} /> by {paused.by}, <Time at={paused.paused_at} />
        </p>
        {may.may_pause && (
          <Button look="main" icon="play" disabled={on.isPending} onClick={() => on.mutate({})}>
            Continue
          </Button>
        )}
      </header>
      {paused.threw && <p className={css.threw}>Its condition threw: {paused.threw}</p>}
      {open ? (
        <Suspense fallback={<Skeleton rows={3} />}>
          <Change paused={paused} may={may.may_pause && may.may_change} busy={on.isPending} goOn={on.mutate} />
        </Suspense>
      ) : (
        <Button look="quiet" onClick={() => setOpen(true)}>
          Look at its inputs
        </Button>
      )}
    </article>
  );
}
