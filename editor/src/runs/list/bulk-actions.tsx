import { useState } from "react";
import type { RunFilter } from "../../api/run-filter";
import { cancelRuns, findRunIds, LIMIT, type RunRow, rerunRuns } from "../../api/run-list";
import { Confirm } from "../../ui/confirm";
import { Button, LinkButton } from "../../ui/controls";
import { notify, notifyError } from "../../ui/toasts";
import css from "./runs.module.css";

interface Props {
  workspace: string;
  filter: RunFilter;
  rows: RunRow[];
  chosen: string[];
  /** Ids of all that the filter finds, where all are chosen. */
  all: string[] | null;
  choose: (ids: string[]) => void;
  chooseAll: (ids: string[]) => void;
  done: () => void;
}

const countRuns = (count: number): string => `${count} ${count === 1 ? "run" : "runs"}`;

/** What can be done with the runs that are chosen, and with how many. */
export function BulkActions({ workspace, filter, rows, chosen, all, choose, chooseAll, done }: Props) {
  const [asked, setAsked] = useState<"cancel" | "rerun" | null>(null);
  const [busy, setBusy] = useState(false);
  const ids = all ?? chosen;
  const act = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      notifyError(error);
    } finally {
      setBusy(false);
    }
  };
  const cancel = async () => {
    const live = all ? await findRunIds(workspace, filter, true) : chosen;
    notify(`${countRuns(await cancelRuns(workspace, live))} cancelled.`);
    choose([]);
    done();
  };
  const rerun = async () => {
    const { made, refused } = await rerunRuns(workspace, ids);
    notify(`${countRuns(made)} started again.`);
    choose([]);
    done();
    if (refused.length > 0) notifyError(new Error(`${countRuns(refused.length)} could not be: ${refused[0]}`));
  };
  const findAll = () => act(async () => chooseAll(await findRunIds(workspace, filter, false)));
  const [older, newer] = [...chosen].sort();
  if (ids.length === 0) {
    return (
      <div className={css.bulk}>
        <Button look="quiet" icon="check" onClick={() => choose(rows.map((row) => row.id))}>
          Choose the {rows.length} loaded
        </Button>
      </div>
    );
  }
  return (
    <section className={css.bulk} aria-label="Chosen runs" data-chosen="">
      <strong role="status">
        {all && all.length >= LIMIT ? `The newest ${LIMIT} runs` : countRuns(ids.length)}{" "}
        {all ? "that match" : "chosen"}
      </strong>
      <Button icon="stop" disabled={busy} onClick={() => setAsked("cancel")}>
        Cancel …
      </Button>
      <Button icon="loop" disabled={busy} onClick={() => setAsked("rerun")}>
        Run again …
      </Button>
      {!all && chosen.length === 2 && (
        <LinkButton icon="branches" to={`/w/${workspace}/runs/${older}/compare/${newer}`}>
          Compare
        </LinkButton>
      )}
      {!all && (
        <Button look="quiet" disabled={busy} onClick={() => void findAll()}>
          All that match
        </Button>
      )}
      <Button look="quiet" icon="cross" onClick={() => choose([])}>
        None
      </Button>
      {asked === "cancel" && (
        <Confirm
          title={
            all ? `Cancel those of ${countRuns(ids.length)} that are under way?` : `Cancel ${countRuns(ids.length)}?`
          }
          confirmLabel="Cancel them"
          close={() => setAsked(null)}
          onConfirm={() => void act(cancel)}
        >
          <p>Those that have ended stay as they are.</p>
        </Confirm>
      )}
      {asked === "rerun" && (
        <Confirm
          title={`Run ${countRuns(ids.length)} again?`}
          confirmLabel="Run them again"
          close={() => setAsked(null)}
          onConfirm={() => void act(rerun)}
        >
          <p>Each is started anew with the version and the inputs that it had.</p>
        </Confirm>
      )}
    </section>
  );
}
