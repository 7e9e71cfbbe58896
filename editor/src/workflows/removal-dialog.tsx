import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { discardDraft } from "../api/drafts";
import { archiveFlow, deleteFlow } from "../api/flows";
import { referencesQuery } from "../api/references";
import { errorText } from "../lib/api-error";
import { References } from "../references/references";
import { t } from "../texts/workflows";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";

const DONE = {
  archive: t("workflows.doneArchive"),
  back: t("workflows.doneRestore"),
  delete: t("workflows.doneDelete"),
  discard: t("workflows.doneDiscard"),
};

interface Props {
  workspace: string;
  item: { path: string; deployed: boolean; archived: boolean };
  /** Called before the change. */
  prepare?: () => void;
  /** Called after the change. */
  done: () => Promise<void>;
  close: () => void;
}

/** Dialog that archives or deletes a workflow after listing its users, or discards a draft that was never deployed. */
export default function RemovalDialog({ workspace, item, prepare, done, close }: Props) {
  const { path, deployed, archived } = item;
  const queries = useQueryClient();
  const [isConfirming, setSure] = useState(false);
  const users = useQuery({ ...referencesQuery(workspace, "flow", path), enabled: deployed });
  const removing = useMutation({
    mutationFn: async (action: "archive" | "back" | "delete" | "discard") => {
      prepare?.();
      if (action === "delete") await deleteFlow(workspace, path);
      else if (action === "discard") await discardDraft(workspace, path);
      else await archiveFlow(workspace, path, action === "archive");
      return action;
    },
    onSuccess: async (what) => {
      close();
      notify(DONE[what]);
      queries.removeQueries({ queryKey: ["flow", workspace, path] });
      await done();
    },
  });
  if (!deployed) {
    return (
      <Dialog title={t("workflows.discard", { path })} close={close}>
        <p className={dialogCss.description}>{t("workflows.discardHint")}</p>
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="danger" disabled={removing.isPending} onClick={() => removing.mutate("discard")}>
            {t("workflows.discardConfirm")}
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={isConfirming ? t("workflows.delete", { path }) : t("workflows.remove", { name: path })}
      close={close}
    >
      <References workspace={workspace} kind="flow" path={path} />
      <p className={dialogCss.description}>{isConfirming ? t("workflows.deleteHint") : t("workflows.removeHint")}</p>
      {removing.isError && <p role="alert">{withCode(errorText(removing.error))}</p>}
      <div className={dialogCss.foot}>
        <Button onClick={() => (isConfirming ? setSure(false) : close())}>
          {isConfirming ? t("workflows.back") : t("ui.cancel")}
        </Button>
        <Button
          look="danger"
          disabled={removing.isPending || users.isPending}
          onClick={() => (isConfirming ? removing.mutate("delete") : setSure(true))}
        >
          {isConfirming ? t("workflows.deleteConfirm") : t("workflows.deleteStart")}
        </Button>
        {!isConfirming && (
          <Button
            look="main"
            disabled={removing.isPending || users.isPending}
            onClick={() => removing.mutate(archived ? "back" : "archive")}
          >
            {archived ? t("workflows.restore") : t("workflows.archive")}
          </Button>
        )}
      </div>
    </Dialog>
  );
}
