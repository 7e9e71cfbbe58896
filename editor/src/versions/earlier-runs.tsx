import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type EarlierRun, earlierRunsQuery, moveRuns } from "../api/run-versions";
import { Link } from "../routing/link";
import { t } from "../texts/versions";
import { EditButton } from "../ui/access-buttons";
import { Confirm } from "../ui/confirm";
import { Status } from "../ui/status";
import { notify, notifyError } from "../ui/toasts";
import css from "./versions.module.css";

/** Runs under way on earlier versions, with the reasons why they cannot move to the current one, or a button. */
export function EarlierRuns({ workspace, path }: { workspace: string; path: string }) {
  const found = useQuery(earlierRunsQuery(workspace, path));
  const [busy, setBusy] = useState(false);
  const [confirming, setConfirming] = useState(false);
  if (!found.data || found.data.count === 0) return null;
  const { count, number, runs } = found.data;
  const move = async (ids: string[]) => {
    setBusy(true);
    try {
      const moved = await moveRuns(workspace, path, ids);
      notify(t("versions.runsMoved", { count: moved.filter((each) => each.moved).length, number }));
      await found.refetch();
    } catch (error) {
      notifyError(error);
    } finally {
      setBusy(false);
    }
  };
  const movable = runs.filter(({ obstacles }) => obstacles.length === 0).map(({ id }) => id);
  return (
    <details className={css.earlier}>
      <summary>{t("versions.earlierRuns", { count })}</summary>
      {movable.length > 1 && (
        <EditButton disabled={busy} onClick={() => setConfirming(true)}>
          {t("versions.moveAll", { count: movable.length, number })}
        </EditButton>
      )}
      {confirming && (
        <Confirm
          title={t("versions.moveAllQuestion", { count: movable.length, number })}
          confirmLabel={t("versions.move")}
          onConfirm={() => void move(movable)}
          close={() => setConfirming(false)}
        >
          <p>{t("versions.moveAllHint", { number })}</p>
        </Confirm>
      )}
      <ul className={css.list} aria-label={t("versions.earlierRuns", { count })}>
        {runs.map((run) => (
          <Run key={run.id} workspace={workspace} run={run} busy={busy} number={number} move={move} />
        ))}
      </ul>
    </details>
  );
}

interface RunProps {
  workspace: string;
  run: EarlierRun;
  busy: boolean;
  /** Number of the current version. */
  number: number;
  move: (ids: string[]) => Promise<void>;
}

function Run({ workspace, run, busy, number, move }: RunProps) {
  return (
    <li className={css.earlierRun}>
      <Status status={run.status} />
      <Link to={`/w/${workspace}/runs/${run.id}`}>{`${run.id.slice(0, 13)}…`}</Link>
      {run.number !== null && <span className={css.number}>{t("versions.version", { number: run.number })}</span>}
      {run.at.length > 0 && <p>{t("versions.runAt", { nodes: run.at.join(", ") })}</p>}
      {run.obstacles.length > 0 && <p>{t("versions.cannotMoveRun", { number })}</p>}
      {run.obstacles.map(({ node, reason }) => (
        <p key={`${node} ${reason}`}>
          {node && <code>{node}: </code>}
          {reason}
        </p>
      ))}
      {run.obstacles.length === 0 && (
        <>
          {run.next.length > 0 && <p>{t("versions.runNext", { nodes: run.next.join(", ") })}</p>}
          {run.changed.length > 0 && <p>{t("versions.runChanged", { nodes: run.changed.join(", ") })}</p>}
          <EditButton disabled={busy} onClick={() => void move([run.id])}>
            {t("versions.moveRun", { number })}
          </EditButton>
        </>
      )}
    </li>
  );
}
