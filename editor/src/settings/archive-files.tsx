import { useState } from "react";
import { workspaceArchiveAddress } from "../api/changes";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Icon } from "../ui/icon";
import css from "./settings.module.css";

const ImportDialog = lazyComponent(() => import("./import-dialog"));
const ExportKeyDialog = lazyComponent(() => import("./export-key-dialog"));

interface Props {
  workspace: string;
  archived: boolean;
  /** Admins also export encrypted secrets. */
  admin: boolean;
}

/** Export of the items of a workspace as an archive, and import of one. */
export function ArchiveFiles({ workspace, archived, admin }: Props) {
  const [importing, setImporting] = useState(false);
  const [showsKey, setShowsKey] = useState(false);
  return (
    <section className={css.section} aria-labelledby="archive-files">
      <h2 id="archive-files">{t("settings.archiveFiles")}</h2>
      <p className={css.about}>{t("settings.archiveFilesHint")}</p>
      <div className={css.tools}>
        <a className={controls.button} data-look="plain" href={workspaceArchiveAddress(workspace)} download>
          <Icon name="download" />
          {t("settings.exportArchive")}
        </a>
        {admin && (
          <a
            className={controls.button}
            data-look="plain"
            href={workspaceArchiveAddress(workspace, "encrypted")}
            download
          >
            <Icon name="download" />
            {t("settings.exportSecrets")}
          </a>
        )}
        <Button disabled={archived} onClick={() => setImporting(true)}>
          {t("settings.importArchive")}
        </Button>
        {admin && !archived && <Button onClick={() => setShowsKey(true)}>{t("settings.exportKeyShow")}</Button>}
      </div>
      {showsKey && <ExportKeyDialog workspace={workspace} close={() => setShowsKey(false)} />}
      {importing && <ImportDialog workspace={workspace} close={() => setImporting(false)} />}
    </section>
  );
}
