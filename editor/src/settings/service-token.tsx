import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createServiceToken } from "../api/service-accounts";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { daysAhead, ExpiryField, tokenField } from "./new-token";
import { FormDialog, missing, useSubmission } from "./parts";
import { ScopesField, useScopes } from "./scopes-field";
import css from "./settings.module.css";

interface Props {
  workspace: string;
  username: string;
  /** Receives the token. */
  created: (token: string) => void;
  close: () => void;
}

/** Dialog that creates a token of a service account, which has scopes and an expiry. */
export function ServiceTokenDialog({ workspace, username, created, close }: Props) {
  const queries = useQueryClient();
  const [label, setLabel] = useState("");
  const [days, setDays] = useState("90");
  const [everywhere, setEverywhere] = useState(false);
  const scopes = useScopes();
  const submission = useSubmission(tokenField);
  const { errors } = submission;
  const submit = async () => {
    const taken = scopes.take();
    const problems = { label: missing(label), scopes: taken.length === 0 ? t("settings.noScopes") : undefined };
    const body = { label: label.trim(), scopes: [...taken], expiration: daysAhead(days), all_workspaces: everywhere };
    const create = async () => created(await createServiceToken(workspace, username, body));
    if (!(await submission.send(create, problems))) return;
    close();
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
  };
  return (
    <FormDialog
      title={t("settings.newTokenOf", { name: username })}
      submitLabel={t("settings.createToken")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <p className={css.about}>{t("settings.serviceTokenHint", { name: username })}</p>
      <Field label={t("settings.label")} help={t("settings.labelHint")} error={errors.label}>
        <Input value={label} onChange={(event) => setLabel(event.target.value)} />
      </Field>
      <Field label={t("settings.validIn")} help={everywhere ? t("settings.serviceTokenEverywhereHint") : undefined}>
        <Select value={everywhere ? "all" : "this"} set={(chosen) => setEverywhere(chosen === "all")}>
          <option value="this">{workspace}</option>
          <option value="all">{t("settings.serviceTokenEverywhere")}</option>
        </Select>
      </Field>
      <ExpiryField days={days} set={setDays} />
      <ScopesField scopes={scopes} error={errors.scopes} />
    </FormDialog>
  );
}
