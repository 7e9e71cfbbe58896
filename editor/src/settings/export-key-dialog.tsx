import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { getExportKey, setExportKey } from "../api/changes";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import { notify } from "../ui/toasts";
import { FormDialog, Loaded, missing, useSubmission } from "./parts";

/** Dialog with the key of the encrypted secrets in archives, which replaces it by that of another workspace. */
export default function ExportKeyDialog({ workspace, close }: { workspace: string; close: () => void }) {
  const submission = useSubmission();
  const [key, setKey] = useState("");
  const stored = useQuery({
    queryKey: ["export key", workspace],
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: () => getExportKey(workspace),
  });
  const store = async () => {
    const problems = { key: missing(key) };
    if (!(await submission.send(() => setExportKey(workspace, key.trim()), problems))) return;
    notify(t("settings.exportKeySet"));
    close();
  };
  return (
    <FormDialog
      title={t("settings.exportKey")}
      submitLabel={t("settings.exportKeyReplace")}
      submission={submission}
      submit={store}
      close={close}
    >
      <p>{t("settings.exportKeyHint")}</p>
      <Loaded query={stored} />
      {stored.data && <CopyableCommand label={t("settings.exportKeyCurrent")} text={stored.data} />}
      <Field label={t("settings.exportKeyNew")} help={t("settings.exportKeyNewHint")} error={submission.errors["key"]}>
        <Input type="password" autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
