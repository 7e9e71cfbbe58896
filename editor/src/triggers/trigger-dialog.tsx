import type { ReactNode } from "react";
import { errorText } from "../lib/api-error";
import { t } from "../texts/triggers";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { useScrolledIntoView } from "../ui/use-scrolled-into-view";
import { withCode } from "../ui/with-code";
import css from "./triggers.module.css";

interface Props {
  title: string;
  /** Path of a new trigger; null: an existing one is changed. */
  path: string | null;
  setPath: (path: string) => void;
  /** Label of the button that creates a new trigger. */
  createLabel: string;
  saving: { isPending: boolean; isError: boolean; error: Error | null };
  /** True: the fields cannot be submitted. */
  invalid?: boolean;
  submit: () => void;
  close: () => void;
  children: ReactNode;
}

/** Dialog that creates or changes a trigger: its fields, the path of a new one, the error of saving, and the buttons. */
export function TriggerDialog({ title, path, setPath, createLabel, saving, invalid, submit, close, children }: Props) {
  const error = useScrolledIntoView<HTMLParagraphElement>(saving.error);
  return (
    <Dialog title={title} close={close}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {children}
        {path !== null && (
          <Field label={t("ui.path")}>
            <Input value={path} spellCheck={false} onChange={(event) => setPath(event.target.value)} />
          </Field>
        )}
        {saving.isError && (
          <p ref={error} className={css.error} role="alert">
            {withCode(errorText(saving.error))}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={saving.isPending || invalid}>
            {path === null ? t("ui.save") : createLabel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
