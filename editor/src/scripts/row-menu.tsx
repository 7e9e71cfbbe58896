import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  archiveScript,
  deleteScript,
  discardScriptDraft,
  getScript,
  getScriptDraft,
  saveScriptDraft,
  scriptDraftsQuery,
} from "../api/scripts";
import { copyPath } from "../forms/path-name";
import { ExportLink } from "../items/export-link";
import { itemName, type ListedItem } from "../items/listed-item";
import { useMoving } from "../items/use-moving";
import { References } from "../references/references";
import { useNavigate } from "../routing/hooks";
import { useSharing } from "../sharing/use-sharing";
import { t } from "../texts/scripts";
import { EditButton } from "../ui/access-buttons";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import { Popover } from "../ui/popover";
import { notify, notifyError } from "../ui/toasts";

interface Props {
  workspace: string;
  item: ListedItem;
  /** Paths that a copy cannot have. */
  taken: ReadonlySet<string>;
}

/** Menu of a script in a list: duplicate, move, share, export, archive or restore, delete. */
export function RowMenu({ workspace, item, taken }: Props) {
  const { path, deployed, archived } = item;
  const navigate = useNavigate();
  const [confirming, setConfirming] = useState<"archive" | "delete" | null>(null);
  const sharing = useSharing({ workspace, kind: "script", path });
  const refresh = useRefresh(workspace);
  const moving = useMoving({ workspace, kind: "script", path }, refresh);
  const duplicating = useMutation({
    mutationFn: async () => {
      const copy = copyPath(path, taken);
      const source = deployed ? await getScript(workspace, path) : await getScriptDraft(workspace, path);
      const { content = "", language = "", summary = "", labels = [] } = source ?? {};
      await saveScriptDraft(workspace, copy, { content, language, summary, labels }, null, null);
      return copy;
    },
    onError: notifyError,
    onSuccess: async (copy) => {
      await refresh();
      await navigate(`/w/${workspace}/scripts/${copy}`);
    },
  });
  const changing = useMutation({
    mutationFn: async ({ change }: { change: () => Promise<void>; done: string }) => change(),
    onError: notifyError,
    onSuccess: async (_, { done }) => {
      notify(done);
      await refresh();
    },
  });
  const archive = () =>
    changing.mutate({
      change: () => archiveScript(workspace, path, !archived),
      done: archived ? t("scripts.restoredPath", { path }) : t("scripts.archivedPath", { path }),
    });
  const remove = () =>
    deployed
      ? changing.mutate({ change: () => deleteScript(workspace, path), done: t("scripts.deletedPath", { path }) })
      : changing.mutate({
          change: () => discardScriptDraft(workspace, path),
          done: t("scripts.discardedPath", { path }),
        });
  return (
    <>
      <Popover label={t("scripts.actions", { name: itemName(item) })} icon="dots">
        <EditButton look="quiet" icon="copy" onClick={() => duplicating.mutate()}>
          {t("scripts.duplicate")}
        </EditButton>
        {deployed && (
          <EditButton look="quiet" icon="edit" onClick={moving.move}>
            {t("ui.move")}
          </EditButton>
        )}
        {deployed && (
          <Button look="quiet" icon="share" onClick={sharing.share}>
            {t("ui.share")}
          </Button>
        )}
        {deployed && !archived && <ExportLink workspace={workspace} kind="script" path={path} />}
        {deployed && (
          <EditButton
            look="quiet"
            icon={archived ? "undo" : "save"}
            onClick={() => (archived ? archive() : setConfirming("archive"))}
          >
            {archived ? t("scripts.restore") : t("scripts.archive")}
          </EditButton>
        )}
        <EditButton look="quiet" icon="trash" onClick={() => (deployed ? setConfirming("delete") : remove())}>
          {deployed ? t("scripts.delete") : t("scripts.discard")}
        </EditButton>
      </Popover>
      {moving.dialog}
      {sharing.dialog}
      {confirming && (
        <Confirm
          title={t(confirming === "delete" ? "scripts.deleteQuestion" : "scripts.archiveQuestion", { path })}
          confirmLabel={confirming === "delete" ? t("scripts.deleteConfirm") : t("scripts.archive")}
          onConfirm={confirming === "delete" ? remove : archive}
          close={() => setConfirming(null)}
        >
          <p>{confirming === "delete" ? t("scripts.deleteHint") : t("scripts.archiveHint")}</p>
          <References workspace={workspace} kind="script" path={path} />
        </Confirm>
      )}
    </>
  );
}

/** Return a function that fetches the lists of scripts again. */
function useRefresh(workspace: string): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    queries.removeQueries({ queryKey: ["script", workspace] });
    const lists = [["scripts", workspace], scriptDraftsQuery(workspace).queryKey];
    await Promise.all(lists.map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
}
