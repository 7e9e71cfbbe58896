import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { previewRestart, type RestartPoint, type RestartPreview, restartRun } from "../../api/restart";
import { Button } from "../../ui/controls";
import { Dialog, dialogCss } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { Failed, Skeleton } from "../../ui/states";
import { notify, notifyError } from "../../ui/toasts";
import { useRun } from "../context";
import css from "./restart.module.css";

/** What going on from a point keeps and runs, before it is done. */
export function RestartDialog({ title, point, close }: { title: string; point: RestartPoint; close: () => void }) {
  const { workspace, id } = useRun();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const preview = useQuery({
    queryKey: ["restart-preview", workspace, id, JSON.stringify(point)],
    queryFn: () => previewRestart(workspace, id, point),
    gcTime: 0,
  });
  const restart = async () => {
    setBusy(true);
    try {
      const made = await restartRun(workspace, id, point);
      close();
      notify("Started a new run. Reused nodes do not run again.");
      await navigate(`/w/${workspace}/runs/${made}`);
    } catch (error) {
      setBusy(false);
      notifyError(error);
    }
  };
  return (
    <Dialog title={title} close={close}>
      {preview.isPending && <Skeleton rows={3} />}
      {preview.isError && <Failed error={preview.error} />}
      {preview.data && <Preview preview={preview.data} />}
      <div className={dialogCss.foot}>
        <Button onClick={close}>Back</Button>
        <Button look="main" icon="play" disabled={busy || !preview.data} onClick={() => void restart()}>
          Start
        </Button>
      </div>
    </Dialog>
  );
}

const OUTCOMES = [
  ["again", "runs", "play"],
  ["kept", "kept", "check"],
  ["skipped", "stays skipped", "skip"],
] as const;

function Preview({ preview }: { preview: RestartPreview }) {
  return (
    <ul className={css.preview} aria-label="What will run">
      {OUTCOMES.flatMap(([part, word, icon]) =>
        preview[part].map((id) => {
          const inside = preview.inside?.find((each) => each.step_id === id);
          return (
            <li key={id}>
              <span className={css.line} data-part={part} data-node={id}>
                <Icon name={icon} size={14} />
                <span className={css.id}>{id}</span>
                <span className={css.word}>{inside ? bodyText(inside) : word}</span>
              </span>
              {inside?.body && <Preview preview={inside.body} />}
            </li>
          );
        }),
      )}
    </ul>
  );
}

function bodyText(inside: NonNullable<RestartPreview["inside"]>[number]): string {
  const kept = inside.bodies_kept;
  const words = kept
    ? `goes on, ${kept} ${kept === 1 ? "iteration or branch" : "iterations or branches"} kept`
    : "goes on";
  const number = inside.branch_or_iteration_n;
  return number === undefined || number === null ? words : `${words}, in number ${number + 1}`;
}
