import { t } from "../texts/t";
import type { Question } from "./ask";
import { Button } from "./controls";
import { Dialog, dialogCss } from "./dialog";

/** The dialog of a question. */
export default function Asked({ question }: { question: Question }) {
  const { title, text, confirmLabel, answer } = question;
  return (
    <Dialog title={title} close={() => answer(false)}>
      <p>{text}</p>
      <div className={dialogCss.foot}>
        <Button onClick={() => answer(false)}>{t("ui.cancel")}</Button>
        <Button look="danger" onClick={() => answer(true)}>
          {confirmLabel}
        </Button>
      </div>
    </Dialog>
  );
}
