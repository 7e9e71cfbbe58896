import type { Transfer } from "../api/members";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { ScrolledItems } from "./scrolled-items";

/** Return whether a transfer left items behind, or references that have to be changed. */
export const needsAttention = ({ refused, referring, more }: Transfer): boolean =>
  refused.length > 0 || referring.length > 0 || more;

/** Dialog that lists what a transfer did not move or could not rewrite. */
export function TransferResult({ transfer, close }: { transfer: Transfer; close: () => void }) {
  const { moved, refused, referring, more } = transfer;
  return (
    <Dialog title={t("settings.transferred", { count: moved.length })} close={close}>
      {refused.length > 0 && (
        <>
          <p>{t("settings.notTransferred")}</p>
          <ScrolledItems label={t("settings.notTransferred")} items={refused} note={({ message }) => `: ${message}`} />
        </>
      )}
      {referring.length > 0 && (
        <>
          <p>{t("settings.stillReferring")}</p>
          <ScrolledItems label={t("settings.stillReferring")} items={referring} />
        </>
      )}
      {more && <p>{t("settings.moreToTransfer")}</p>}
      <div className={dialogCss.foot}>
        <Button look="main" onClick={close}>
          {t("settings.done")}
        </Button>
      </div>
    </Dialog>
  );
}
