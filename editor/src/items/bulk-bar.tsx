import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { archiveAddress, type ItemKind, setItemsArchived } from "../api/changes";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/items";
import { EditButton } from "../ui/access-buttons";
import { Button } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Icon } from "../ui/icon";
import { notify, notifyError } from "../ui/toasts";
import css from "./items.module.css";

const CopyDialog = lazyComponent(() => import("./copy-dialog"));

interface Props {
  workspace: string;
  kind: ItemKind;
  /** Paths of the chosen items. */
  paths: readonly string[];
  archived: boolean;
  /** Chooses no item. */
  clear: () => void;
}

/** Acts on the chosen items of a list: export, copy to another workspace, archive; of archived ones, restore. */
export function BulkBar({ workspace, kind, paths, archived, clear }: Props) {
  const queries = useQueryClient();
  const [copying, setCopying] = useState(false);
  const archiving = useMutation({
    mutationFn: () => setItemsArchived(workspace, kind, paths, !archived),
    onError: notifyError,
    onSuccess: () => {
      notify(t(archived ? "items.restored" : "items.archived", { count: paths.length }));
      clear();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: [`${kind}s`, workspace] }),
  });
  return (
    <section className={css.bar} aria-label={t("items.chosenActions")}>
      <span role="status">{t("items.chosen", { count: paths.length })}</span>
      {!archived && (
        <>
          <a className={controls.button} data-look="plain" href={archiveAddress(workspace, kind, paths)} download>
            <Icon name="download" />
            {t("ui.export")}
          </a>
          <Button icon="copy" onClick={() => setCopying(true)}>
            {t("items.copy")}
          </Button>
        </>
      )}
      <EditButton icon={archived ? "undo" : "save"} disabled={archiving.isPending} onClick={() => archiving.mutate()}>
        {archived ? t("items.restore") : t("items.archive")}
      </EditButton>
      <Button look="quiet" icon="cross" onClick={clear}>
        {t("items.clear")}
      </Button>
      {copying && (
        <CopyDialog workspace={workspace} kind={kind} paths={paths} done={clear} close={() => setCopying(false)} />
      )}
    </section>
  );
}
