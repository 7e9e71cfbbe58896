import type { ReactNode } from "react";
import { Button } from "./controls";
import { Dialog, dialogCss } from "./dialog";

interface Props {
  title: string;
  /** The word on the button that does it. */
  confirmLabel: string;
  onConfirm: () => void;
  close: () => void;
  children?: ReactNode;
}

/** Asks before something is done that cannot be undone. */
export function Confirm({ title, confirmLabel, onConfirm, close, children }: Props) {
  return (
    <Dialog title={title} close={close}>
      {children}
      <div className={dialogCss.foot}>
        <Button onClick={close}>Back</Button>
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
