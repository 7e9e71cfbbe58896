import type { ReferredKind } from "../api/references";
import { t } from "../texts/references";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { References } from "./references";

interface Props {
  workspace: string;
  kind: ReferredKind;
  path: string;
  close: () => void;
}

/** Dialog with everything that uses an item. */
export default function ReferencesDialog({ workspace, kind, path, close }: Props) {
  return (
    <Dialog title={t("references.title", { name: path })} close={close}>
      <p className={dialogCss.description}>{t("references.hint")}</p>
      <References workspace={workspace} kind={kind} path={path} />
      <div className={dialogCss.foot}>
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}
