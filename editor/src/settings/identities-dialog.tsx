import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Identity, identitiesQuery, linkIdentity, unlinkIdentity } from "../api/identities";
import { identityProvidersQuery } from "../api/identity-providers";
import { t, tWith } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { FormDialog, Loaded, missing, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Dialog that lists the identities of an account at OpenID providers, and links another one. */
export function IdentitiesDialog({ email, close }: { email: string; close: () => void }) {
  const queries = useQueryClient();
  const identities = useQuery(identitiesQuery(email));
  const providers = Object.entries(useQuery(identityProvidersQuery).data ?? {});
  const submission = useSubmission(() => "subject");
  const [chosen, setProvider] = useState<string | null>(null);
  const [subject, setSubject] = useState("");
  const provider = chosen ?? providers[0]?.[0] ?? "";
  const link = async () => {
    const send = () => linkIdentity(email, provider, subject.trim());
    if (!(await submission.send(send, { subject: missing(subject) }))) return;
    notify(t("settings.identityLinked", { email }));
    setSubject("");
    await queries.invalidateQueries(identitiesQuery(email));
  };
  return (
    <FormDialog
      title={t("settings.identitiesOf", { email })}
      submitLabel={t("settings.link")}
      submission={submission}
      submit={link}
      close={close}
    >
      <p className={css.note}>{t("settings.identitiesHint")}</p>
      <Loaded query={identities} />
      {identities.data?.length === 0 && <p className={css.note}>{t("settings.noIdentities")}</p>}
      <Rows
        label={t("settings.identities")}
        items={identities.data ?? []}
        keyOf={({ issuer, subject }) => `${issuer} ${subject}`}
        row={(each) => <IdentityRow email={email} identity={each} />}
      />
      <Field label={t("settings.provider")}>
        <Select value={provider} set={setProvider}>
          {providers.map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("settings.subject")} help={t("settings.subjectHint")} error={submission.errors.subject}>
        <Input value={subject} spellCheck={false} onChange={(event) => setSubject(event.target.value)} />
      </Field>
    </FormDialog>
  );
}

function IdentityRow({ email, identity }: { email: string; identity: Identity }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [asking, setAsking] = useState(false);
  const { issuer, subject } = identity;
  const unlink = async () => {
    if (await submission.send(() => unlinkIdentity(email, identity))) notify(t("settings.identityUnlinked", { email }));
    await queries.invalidateQueries(identitiesQuery(email));
  };
  return (
    <>
      <div className={css.what}>
        <code>{subject}</code>
        <span className={css.facts}>
          <span>{issuer}</span>
          <span>{tWith("settings.linkedAt", { time: <Time at={identity.created_at} /> })}</span>
        </span>
      </div>
      <Button
        look="danger"
        disabled={submission.busy}
        onClick={() => setAsking(true)}
        aria-label={t("settings.unlinkOf", { subject })}
      >
        {t("settings.unlink")}
      </Button>
      <Problem text={submission.errors[""]} />
      {asking && (
        <Confirm
          title={t("settings.unlinkQuestion", { subject })}
          confirmLabel={t("settings.unlink")}
          close={() => setAsking(false)}
          onConfirm={() => void unlink()}
        >
          <p>{t("settings.unlinkHint")}</p>
        </Confirm>
      )}
    </>
  );
}
