import type { Transfer } from "../api/members";
import { kindName } from "../kinds/kind-name";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import css from "./settings.module.css";

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
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keyboard */}
          <ul className={css.items} tabIndex={0} aria-label={t("settings.notTransferred")}>
            {refused.map((each) => (
              <li key={`${each.kind} ${each.path}`}>
                {kindName(each.kind)} <code>{each.path}</code>: {each.message}
              </li>
            ))}
          </ul>
        </>
      )}
      {referring.length > 0 && (
        <>
          <p>{t("settings.stillReferring")}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keyboard */}
          <ul className={css.items} tabIndex={0} aria-label={t("settings.stillReferring")}>
            {referring.map((each) => (
              <li key={`${each.kind} ${each.path}`}>
                {kindName(each.kind)} <code>{each.path}</code>
              </li>
            ))}
          </ul>
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
