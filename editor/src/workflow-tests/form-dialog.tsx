import { type FormEvent, type ReactNode, useState } from "react";
import { errorText } from "../lib/api-error";
import { t } from "../texts/workflow-tests";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { withCode } from "../ui/with-code";
import css from "./workflow-tests.module.css";

interface Props {
  title: string;
  submitLabel: string;
  /** Send the form. Its error is shown above the buttons. */
  submit: () => Promise<unknown>;
  close: () => void;
  wide?: boolean;
  children: ReactNode;
}

/** Dialog with a form, which closes once it was sent. */
export function FormDialog({ title, submitLabel, submit, close, wide = false, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await submit();
      close();
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} wide={wide} close={close}>
      <form className={css.form} onSubmit={(event) => void send(event)} noValidate>
        {children}
        {problem && (
          <p className={css.problem} role="alert">
            {withCode(problem)}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={busy}>
            {submitLabel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
