import { t } from "../texts/t";
import css from "./controls.module.css";

/** Warning that this browser reaches the server at `origin`, not at the URL that is shown for other systems; null: it does not. */
export function OtherOrigin({ origin, url }: { origin: string | null; url: string }) {
  return origin && <p className={css.warning}>{t("ui.otherOrigin", { origin, url })}</p>;
}
