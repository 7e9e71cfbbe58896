import { archiveAddress, type ItemKind } from "../api/changes";
import { t } from "../texts/items";
import controls from "../ui/controls.module.css";
import { Icon } from "../ui/icon";

interface Props {
  workspace: string;
  kind: ItemKind;
  path: string;
}

/** Link in a menu that downloads an item as an archive. */
export function ExportLink({ workspace, kind, path }: Props) {
  return (
    <a className={controls.button} data-look="quiet" href={archiveAddress(workspace, kind, [path])} download>
      <Icon name="download" />
      {t("ui.export")}
    </a>
  );
}
