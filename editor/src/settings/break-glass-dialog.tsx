import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { accountsQuery } from "../api/accounts";
import { identityProvidersQuery } from "../api/identity-providers";
import { type InstanceSetting, useSettingSave } from "../api/instance-settings";
import { t } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import { FormDialog, useSubmission } from "./parts";
import css from "./settings.module.css";

interface Props {
  setting: InstanceSetting;
  title: string;
  close: () => void;
}

/** Form of the only account that can log in with a password. It asks before all others no longer can, or can again. */
export function BreakGlassDialog({ setting, title, close }: Props) {
  const base = useSettingSave(setting);
  const stored = typeof base.stored === "string" ? base.stored : "";
  const [typed, setTyped] = useState(stored);
  const [asking, setAsking] = useState(false);
  const submission = useSubmission(() => "value");
  const email = typed.trim();
  const providers = useQuery(identityProvidersQuery).data;
  const others = useQuery(accountsQuery).data?.filter(
    (each) => !each.service_account && !each.disabled && !each.deleted && each.email !== email.toLowerCase(),
  );
  const save = async () => {
    if (await submission.send(() => base.save(email || null))) {
      notify(t("settings.saved", { name: t("settings.labelBreakGlassAccount") }));
      close();
    }
  };
  const submit = async () => (email === stored ? save() : setAsking(true));
  return (
    <FormDialog title={title} submitLabel={t("ui.save")} submission={submission} submit={submit} close={close}>
      <p className={css.note}>{t("settings.hintBreakGlassAccount")}</p>
      <Field label={t("settings.email")} help={t("settings.emptyIsDefault")} error={submission.errors.value}>
        <Input type="email" value={typed} spellCheck={false} onChange={({ target }) => setTyped(target.value)} />
      </Field>
      {asking && !email && <ReopenQuestion close={() => setAsking(false)} onConfirm={() => void save()} />}
      {asking && email && (
        <Confirm
          title={t("settings.onlyPasswordLogin", { email })}
          confirmLabel={t("ui.save")}
          close={() => setAsking(false)}
          onConfirm={() => void save()}
        >
          <p>{others ? t("settings.lockedOut", { count: others.length }) : t("settings.allLockedOut")}</p>
          {providers && Object.keys(providers).length === 0 && <p>{t("settings.noProviderForLogin")}</p>}
        </Confirm>
      )}
    </FormDialog>
  );
}

/** Question before all accounts can log in with a password again. */
export function ReopenQuestion({ close, onConfirm }: { close: () => void; onConfirm: () => void }) {
  return (
    <Confirm
      title={t("settings.reopenPasswordLogin")}
      confirmLabel={t("settings.reopen")}
      close={close}
      onConfirm={onConfirm}
    >
      <p>{t("settings.reopenPasswordLoginHint")}</p>
    </Confirm>
  );
}
