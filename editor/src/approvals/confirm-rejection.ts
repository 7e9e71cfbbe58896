import { t } from "../texts/approvals";
import { ask } from "../ui/ask";

/** Ask whether to reject an approval, which cannot be undone, and return whether the user confirmed it. */
export const confirmRejection = (node: string): Promise<boolean> =>
  ask({
    title: t("approvals.rejectQuestion", { node }),
    text: t("approvals.rejectHint", { node }),
    confirmLabel: t("approvals.reject"),
  });
