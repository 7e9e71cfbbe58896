import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { draftsQuery, getDraft, saveDraft } from "../api/drafts";
import { getFlow } from "../api/flows";
import { copyPath } from "../forms/path-name";
import { ExportLink } from "../items/export-link";
import { itemName, type ListedItem } from "../items/listed-item";
import { useMoving } from "../items/use-moving";
import { lazyComponent } from "../lib/lazy-component";
import { useNavigate } from "../routing/hooks";
import { useSharing } from "../sharing/use-sharing";
import { t } from "../texts/workflows";
import { EditButton } from "../ui/access-buttons";
import { Button } from "../ui/controls";
import { Popover } from "../ui/popover";
import { notifyError } from "../ui/toasts";

const RemovalDialog = lazyComponent(() => import("./removal-dialog"));

interface Props {
  workspace: string;
  item: ListedItem;
  /** Paths that a copy cannot have. */
  taken: ReadonlySet<string>;
}

/** Menu of a workflow in a list: duplicate, move, share, export, archive or delete. */
export function RowMenu({ workspace, item, taken }: Props) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  const sharing = useSharing({ workspace, kind: "flow", path: item.path });
  const refresh = async () => {
    const lists = [["flows", workspace], draftsQuery(workspace).queryKey];
    await Promise.all(lists.map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
  const moving = useMoving({ workspace, kind: "flow", path: item.path }, refresh);
  const duplicating = useMutation({
    mutationFn: async () => {
      const path = copyPath(item.path, taken);
      await saveDraft({ workspace, path }, await textOfItem(workspace, item), null, null);
      return path;
    },
    onError: notifyError,
    onSuccess: async (path) => {
      await refresh();
      await navigate(`/w/${workspace}/workflows/${path}`);
    },
  });
  return (
    <>
      <Popover label={t("workflows.actions", { name: itemName(item) })} icon="dots">
        <EditButton look="quiet" icon="copy" onClick={() => duplicating.mutate()}>
          {t("workflows.duplicate")}
        </EditButton>
        {item.deployed && (
          <EditButton look="quiet" icon="edit" onClick={moving.move}>
            {t("ui.move")}
          </EditButton>
        )}
        {item.deployed && (
          <Button look="quiet" icon="share" onClick={sharing.share}>
            {t("ui.share")}
          </Button>
        )}
        {item.deployed && !item.archived && <ExportLink workspace={workspace} kind="flow" path={item.path} />}
        <EditButton look="quiet" icon="trash" onClick={() => setRemoving(true)}>
          {item.deployed ? t("workflows.archiveOrDelete") : t("workflows.discardDraft")}
        </EditButton>
      </Popover>
      {moving.dialog}
      {sharing.dialog}
      {removing && <RemovalDialog workspace={workspace} item={item} done={refresh} close={() => setRemoving(false)} />}
    </>
  );
}

/** Fetch the deployed text of a workflow, otherwise the text of its draft. */
async function textOfItem(workspace: string, { path, deployed }: ListedItem): Promise<string> {
  if (!deployed) return (await getDraft(workspace, path))?.text ?? "";
  const [{ textOf }, flow] = await Promise.all([import("../editor/store"), getFlow(workspace, path)]);
  return textOf(flow);
}
