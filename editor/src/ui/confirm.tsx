import type { ReactNode } from "react";
import { t } from "../texts/t";
import { Button } from "./controls";
import { Dialog, dialogCss } from "./dialog";

interface Props {
  title: string;
  /** Text of the button that confirms. */
  confirmLabel: string;
  /** Text of the button that closes the dialog; "Cancel" by default. */
  cancelLabel?: string;
  onConfirm: () => void;
  close: () => void;
  children?: ReactNode;
}

/** Dialog that confirms an act that cannot be undone. */
export function Confirm({ title, confirmLabel, cancelLabel, onConfirm, close, children }: Props) {
  return (
    <Dialog title={title} close={close}>
      {children}
      <div className={dialogCss.foot}>
        <Button onClick={close}>{cancelLabel ?? t("ui.cancel")}</Button>
        <Button
          look="danger"
          onClick={() => {
            close();
            onConfirm();
          }}
        >
          {confirmLabel}
        </Button>
      </div>
    </Dialog>
  );
}
