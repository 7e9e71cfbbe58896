import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { referencesQuery } from "../api/references";
import { deployScript, getScript, scriptQuery } from "../api/scripts";
import { errorText } from "../lib/api-error";
import { affectedBy } from "../references/affected";
import { LaterEnvironments, ReferenceList } from "../references/references";
import { t } from "../texts/scripts";
import { Field, Input } from "../ui/controls";
import { DeployButtons } from "../ui/deploy-buttons";
import { dialogCss as css, Dialog } from "../ui/dialog";
import inspector from "../ui/panel.module.css";
import { notify, notifyWarning } from "../ui/toasts";
import { saveScriptNow, useScript, useScriptStore } from "./store";

/** Dialog that deploys the script. It lists what uses the script, and takes a message for the version. */
export function DeployDialog({ close }: { close: () => void }) {
  const store = useScriptStore();
  const { workspace, path } = store.getState();
  const queries = useQueryClient();
  const [message, setMessage] = useState("");
  const isDeployed = useScript((editor) => editor.deployed !== null);
  const conflict = useScript((editor) => editor.draft.state === "conflict");
  const users = useQuery({ ...referencesQuery(workspace, "script", path), enabled: isDeployed });
  const affected = affectedBy(users.data?.references ?? []);
  const deploying = useMutation({
    mutationFn: async () => {
      await saveScriptNow(store);
      // Another page has saved the draft: the dialog asks whether to deploy without it.
      if (!conflict && store.getState().draft.state === "conflict") return null;
      const { deployed, content, language, summary, labels, draft } = store.getState();
      const warnings = await deployScript(workspace, path, deployed, {
        content,
        language,
        summary,
        labels,
        message,
        draft: draft.revision,
      });
      await Promise.all(
        ["script-versions", "scripts"].map((name) => queries.invalidateQueries({ queryKey: [name, workspace] })),
      );
      return { deployed: await getScript(workspace, path), warnings };
    },
    onSuccess: (result) => {
      if (result === null) return;
      const { deployed, warnings } = result;
      queries.setQueryData(scriptQuery(workspace, path).queryKey, deployed);
      store.setState({ deployed, draft: { revision: null, state: "none" } });
      close();
      notify(t("ui.deployed"));
      if (conflict) notify(t("ui.otherDraftPreserved"));
      for (const warning of warnings) notifyWarning(warning);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    deploying.mutate();
  };
  return (
    <Dialog title={t("ui.deploy")} close={close}>
      <form onSubmit={submit} className={inspector.inner}>
        <Field
          label={t("ui.deployMessage")}
          help={t("ui.deployMessageHelp")}
          error={deploying.isError ? errorText(deploying.error) : undefined}
        >
          <Input value={message} onChange={(event) => setMessage(event.target.value)} />
        </Field>
        {affected.length > 0 && (
          <section aria-label={t("scripts.affected")} className={inspector.inner}>
            <p>{t("scripts.affectedCount", { count: affected.length })}</p>
            <ReferenceList workspace={workspace} references={affected} />
          </section>
        )}
        <LaterEnvironments environments={users.data?.environments} hidden={users.data?.hidden_environments} />
        {users.isSuccess && affected.length === 0 && <p className={css.description}>{t("scripts.affectsNone")}</p>}
        <DeployButtons conflict={conflict} disabled={deploying.isPending} close={close} />
      </form>
    </Dialog>
  );
}
