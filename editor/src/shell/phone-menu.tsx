import { t } from "../texts/t";
import { Dialog } from "../ui/dialog";
import { HelpLinks } from "./help-links";
import { PageLinks } from "./page-links";
import css from "./phone-menu.module.css";
import type { PageDialog } from "./use-dialog-keys";

interface Props {
  workspace: string | undefined;
  open: (dialog: PageDialog) => void;
  close: () => void;
}

/** Menu of the pages in narrow windows. */
export default function PhoneMenu({ workspace, open, close }: Props) {
  const openAlone = (dialog: PageDialog) => {
    close();
    open(dialog);
  };
  return (
    <Dialog title={t("shell.menu")} hideTitle close={close}>
      <div className={css.menu}>
        {workspace && <PageLinks workspace={workspace} follow={close} />}
        <div className={css.help}>
          <HelpLinks open={openAlone} />
        </div>
      </div>
    </Dialog>
  );
}
