import { useState } from "react";
import { type IdentityProvider, redirectAddress } from "../api/identity-providers";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { CopyableCommand } from "../ui/copyable-command";
import { notify } from "../ui/toasts";
import type { Json } from "../workflow/types";
import { FormDialog, missing, useSubmission } from "./parts";

type Providers = Record<string, IdentityProvider>;

interface Props {
  existing?: readonly [string, IdentityProvider];
  /** Names of the providers that exist, of which a new one has none. */
  taken?: readonly string[];
  save: (change: (before: Providers) => Providers) => Promise<void>;
  close: () => void;
}

/** Return the grants of a text, or null if it is no JSON array. */
function grantsOf(text: string): Json[] | null {
  if (text.trim() === "") return [];
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? (found as Json[]) : null;
  } catch {
    return null;
  }
}

/** Form of an OpenID provider, new or existing. */
export function SsoDialog({ existing, taken = [], save, close }: Props) {
  const [stored, before] = existing ?? ["", undefined];
  const [name, setName] = useState(stored);
  const [label, setLabel] = useState(before?.label ?? "");
  const [issuer, setIssuer] = useState(before?.issuer ?? "");
  const [client, setClient] = useState(before?.client_id ?? "");
  const [secret, setSecret] = useState("");
  const [domains, setDomains] = useState(before?.domains?.join(", ") ?? "");
  const [claim, setClaim] = useState(before?.groups_claim ?? "groups");
  const [grants, setGrants] = useState(before?.grants?.length ? JSON.stringify(before.grants, null, 2) : "");
  const submission = useSubmission(({ message }) => (message.startsWith("The issuer") ? "issuer" : ""));
  const { errors } = submission;
  const submit = async () => {
    const read = grantsOf(grants);
    const provider = {
      ...before,
      label: label.trim(),
      issuer: issuer.trim(),
      client_id: client.trim(),
      client_secret: secret || (before?.client_secret ?? ""),
      domains: domains.split(/[\s,]+/).filter(Boolean),
      groups_claim: claim.trim(),
      grants: read ?? [],
    };
    const problems = {
      name: missing(name) ?? (taken.includes(name.trim()) ? t("settings.providerTaken") : undefined),
      label: missing(label),
      issuer: missing(issuer),
      client: missing(client),
      claim: missing(claim),
      grants: read === null ? t("settings.notJson") : undefined,
    };
    if (!(await submission.send(() => save((others) => ({ ...others, [name.trim()]: provider })), problems))) return;
    notify(t("settings.saved", { name: label.trim() }));
    close();
  };
  const text = (key: string, title: string, value: string, set: (value: string) => void, help?: string) => (
    <Field label={title} help={help} error={errors[key]}>
      <Input value={value} spellCheck={false} onChange={(event) => set(event.target.value)} />
    </Field>
  );
  return (
    <FormDialog
      title={existing ? t("settings.editItem", { name: stored }) : t("settings.newProvider")}
      submitLabel={existing ? t("ui.save") : t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      {!existing && text("name", t("settings.providerName"), name, setName, t("settings.providerNameHint"))}
      <CopyableCommand label={t("settings.redirectAddress")} text={redirectAddress(name.trim() || "…")} />
      {text("label", t("settings.label"), label, setLabel, t("settings.providerLabelHint"))}
      {text("issuer", t("settings.issuer"), issuer, setIssuer, t("settings.issuerHint"))}
      {text("client", t("settings.clientId"), client, setClient)}
      <Field
        label={t("settings.clientSecret")}
        help={before?.client_secret ? t("settings.secretKept") : undefined}
        error={errors.secret}
      >
        <Input
          type="password"
          autoComplete="new-password"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
        />
      </Field>
      {text("domains", t("settings.domains"), domains, setDomains, t("settings.domainsHint"))}
      {text("claim", t("settings.groupsClaim"), claim, setClaim)}
      <Field label={t("settings.grants")} help={t("settings.grantsHint")} error={errors.grants}>
        <textarea
          className={controls.input}
          rows={5}
          spellCheck={false}
          value={grants}
          onChange={(event) => setGrants(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}
