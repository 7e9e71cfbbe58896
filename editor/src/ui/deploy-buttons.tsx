import { t } from "../texts/t";
import { Button } from "./controls";
import controls from "./controls.module.css";
import { dialogCss as css } from "./dialog";

interface Props {
  /** The draft was changed by another page since this page last saved it. */
  conflict: boolean;
  disabled: boolean;
  close: () => void;
}

/** Buttons of a deploy dialog. In a conflict of the draft, the choice to review it or to deploy without it. */
export function DeployButtons({ conflict, disabled, close }: Props) {
  return (
    <>
      {conflict && (
        <p className={controls.warning} role="alert">
          {t("ui.deployConflict")}
        </p>
      )}
      <div className={css.foot}>
        <Button onClick={close}>{conflict ? t("ui.reviewDrafts") : t("ui.cancel")}</Button>
        <Button look="main" type="submit" disabled={disabled}>
          {conflict ? t("ui.deployThisVersion") : t("ui.deploy")}
        </Button>
      </div>
    </>
  );
}
