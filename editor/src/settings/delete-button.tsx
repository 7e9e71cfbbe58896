import { type ReactNode, useState } from "react";
import { t } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import { notify } from "../ui/toasts";
import type { Submission } from "./parts";

interface Props {
  name: string;
  /** Consequences of the deletion. */
  hint: ReactNode;
  submission: Submission;
  remove: () => Promise<unknown>;
  /** Shown below the hint. */
  children?: ReactNode;
}

/** Button that deletes an item after a confirmation. */
export function DeleteButton({ name, hint, submission, remove, children }: Props) {
  const [confirming, setConfirming] = useState(false);
  const confirmed = async () => {
    if (await submission.send(remove)) notify(t("settings.deleted", { name }));
  };
  return (
    <>
      <Button
        look="danger"
        disabled={submission.busy}
        onClick={() => setConfirming(true)}
        aria-label={t("settings.deleteItem", { name })}
      >
        {t("ui.delete")}
      </Button>
      {confirming && (
        <Confirm
          title={t("settings.deleteQuestion", { name })}
          confirmLabel={t("ui.delete")}
          close={() => setConfirming(false)}
          onConfirm={() => void confirmed()}
        >
          <p>{hint}</p>
          {children}
        </Confirm>
      )}
    </>
  );
}
