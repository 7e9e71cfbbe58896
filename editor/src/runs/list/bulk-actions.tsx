import { useState } from "react";
import type { RunFilter } from "../../api/run-filter";
import { cancelRuns, findRunIds, LIMIT, type RunRow, rerunRuns } from "../../api/run-list";
import { t } from "../../texts/runs";
import { RunButton } from "../../ui/access-buttons";
import { Confirm } from "../../ui/confirm";
import { Button, LinkButton } from "../../ui/controls";
import { notify, notifyError } from "../../ui/toasts";
import css from "./runs.module.css";

interface Props {
  workspace: string;
  filter: RunFilter;
  rows: RunRow[];
  chosen: string[];
  /** Ids of all matching runs if all are selected. */
  all: string[] | null;
  choose: (ids: string[]) => void;
  chooseAll: (ids: string[]) => void;
  done: () => void;
}

function countText(count: number, matching: boolean): string {
  if (!matching) return t("runs.selectedCount", { count });
  return t(count >= LIMIT ? "runs.newestMatching" : "runs.matchingCount", { count });
}

/** Number and bulk actions of the selected runs. */
export function BulkActions({ workspace, filter, rows, chosen, all, choose, chooseAll, done }: Props) {
  const [dialog, setDialog] = useState<"cancel" | "rerun" | null>(null);
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
    notify(t("runs.cancelledCount", { count: await cancelRuns(workspace, live) }));
    choose([]);
    done();
  };
  const rerun = async () => {
    const { made, refused } = await rerunRuns(workspace, ids);
    notify(t("runs.rerunCount", { count: made }));
    choose([]);
    done();
    const [reason] = refused;
    if (reason !== undefined) notifyError(new Error(t("runs.rerunRefused", { count: refused.length, reason })));
  };
  const findAll = () => act(async () => chooseAll(await findRunIds(workspace, filter, false)));
  const [older, newer] = [...chosen].sort();
  if (ids.length === 0) {
    return (
      <div className={css.bulk}>
        <Button look="quiet" icon="check" onClick={() => choose(rows.map((row) => row.id))}>
          {t("runs.selectLoaded", { count: rows.length })}
        </Button>
      </div>
    );
  }
  return (
    <section className={css.bulk} aria-label={t("runs.selectedRuns")} data-chosen="">
      <strong role="status">{countText(ids.length, all !== null)}</strong>
      <Button icon="stop" disabled={busy} onClick={() => setDialog("cancel")}>
        {t("runs.cancelRuns")}
      </Button>
      <RunButton icon="loop" disabled={busy} onClick={() => setDialog("rerun")}>
        {t("runs.runAgainForm")}
      </RunButton>
      {!all && chosen.length === 2 && (
        <LinkButton icon="branches" to={`/w/${workspace}/runs/${older}/compare/${newer}`}>
          {t("runs.compare")}
        </LinkButton>
      )}
      {!all && (
        <Button look="quiet" disabled={busy} onClick={() => void findAll()}>
          {t("runs.selectAllMatching")}
        </Button>
      )}
      <Button look="quiet" icon="cross" onClick={() => choose([])}>
        {t("runs.clearSelection")}
      </Button>
      {dialog === "cancel" && (
        <Confirm
          title={t(all ? "runs.cancelMatchingTitle" : "runs.cancelTitle", { count: ids.length })}
          confirmLabel={t("runs.confirmCancel")}
          cancelLabel={t("runs.keepRunning")}
          close={() => setDialog(null)}
          onConfirm={() => void act(cancel)}
        >
          <p>{t("runs.cancelHint")}</p>
        </Confirm>
      )}
      {dialog === "rerun" && (
        <Confirm
          title={t("runs.rerunTitle", { count: ids.length })}
          confirmLabel={t("runs.runAgain")}
          close={() => setDialog(null)}
          onConfirm={() => void act(rerun)}
        >
          <p>{t("runs.rerunHint")}</p>
        </Confirm>
      )}
    </section>
  );
}
