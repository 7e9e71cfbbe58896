import { useState } from "react";
import { findIssuerProblem, type Grant, type IdentityProvider, redirectUri } from "../api/identity-providers";
import { otherOrigin, useServerUrl } from "../api/server-url";
import { conflictText } from "../lib/api-error";
import { listOf } from "../lib/list-of";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button, Field, IconButton, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { CopyableCommand } from "../ui/copyable-command";
import { OtherOrigin } from "../ui/other-origin";
import { notify } from "../ui/toasts";
import type { Json } from "../workflow/types";
import { GrantDialog, GrantFacts, nameOfGrant } from "./grant-dialog";
import { FormDialog, missing, Rows, useSubmission } from "./parts";
import { issuerWarning, providerError } from "./provider-errors";
import css from "./settings.module.css";

type Providers = Record<string, IdentityProvider>;

interface Props {
  existing?: readonly [string, IdentityProvider];
  /** Names of the providers that exist, of which a new one has none. */
  taken?: readonly string[];
  save: (change: (before: Providers) => Providers) => Promise<void>;
  close: () => void;
}

/** Return the texts of the fields for a stored provider, or for a new one. */
function typedOf(name: string, provider?: IdentityProvider) {
  return {
    name,
    label: provider?.label ?? "",
    issuer: provider?.issuer ?? "",
    client: provider?.client_id ?? "",
    secret: "",
    scopes: (provider?.scopes ?? ["openid", "email", "profile"]).join(" "),
    domains: provider?.domains?.join(", ") ?? "",
    claim: provider?.groups_claim ?? "groups",
    verified: provider?.verified_claim ?? "email_verified",
    scim: provider?.scim_claim ?? "",
    networks: provider?.networks?.join(", ") ?? "",
  };
}
type Typed = ReturnType<typeof typedOf>;

/** Return the provider of the fields. An empty secret leaves the stored one. */
function providerOf(typed: Typed, signUp: boolean, grants: Grant[], storedSecret = ""): IdentityProvider {
  return {
    label: typed.label.trim(),
    issuer: typed.issuer.trim(),
    client_id: typed.client.trim(),
    client_secret: typed.secret || storedSecret,
    scopes: listOf(typed.scopes),
    domains: listOf(typed.domains),
    sign_up: signUp,
    verified_claim: typed.verified.trim(),
    scim_claim: typed.scim.trim(),
    groups_claim: typed.claim.trim(),
    grants,
    networks: listOf(typed.networks),
  };
}

/** Return where the discovery document of a provider is: its issuer, and the private networks that may be called. */
const placeOf = (provider?: IdentityProvider): string =>
  provider ? JSON.stringify([provider.issuer, provider.networks ?? []]) : "";

/** Form of an OpenID provider, new or existing. A new issuer is checked, and can be stored while it is unreachable. */
export function SsoDialog({ existing, taken = [], save, close }: Props) {
  const [stored, before] = existing ?? ["", undefined];
  const [typed, setTyped] = useState(() => typedOf(stored, before));
  // The stored provider that the changes are based on.
  const [seen, setSeen] = useState(before);
  const [signUp, setSignUp] = useState(before?.sign_up ?? true);
  const [grants, setGrants] = useState(before?.grants ?? []);
  // Issuer and networks of whose problem the superadmin has been warned: saving again confirms them.
  const [warned, setWarned] = useState("");
  const submission = useSubmission(({ message }) => (message.startsWith("The issuer") ? "issuer" : ""), providerError);
  const serverUrl = useServerUrl(useParams().workspace ?? "");
  const name = typed.name.trim();
  const submit = async () => {
    const problems = {
      name: missing(name) ?? (taken.includes(name) ? t("settings.providerTaken") : undefined),
      label: missing(typed.label),
      issuer: missing(typed.issuer),
      client: missing(typed.client),
      claim: missing(typed.claim),
      verified: missing(typed.verified),
    };
    const provider = providerOf(typed, signUp, grants, before?.client_secret);
    const change = (stored: Providers) => {
      const theirs = stored[name];
      if (existing && JSON.stringify(theirs) !== JSON.stringify(seen)) {
        setSeen(theirs);
        throw new Error(conflictText(name, (theirs ?? null) as Json));
      }
      return { ...stored, [name]: provider };
    };
    const place = placeOf(provider);
    const checkAndSave = async () => {
      if (place !== warned && place !== placeOf(before)) {
        const problem = await findIssuerProblem(provider.issuer, provider.networks ?? []);
        if (problem) {
          setWarned(place);
          throw new Error(issuerWarning(problem));
        }
      }
      await save(change);
    };
    if (!(await submission.send(checkAndSave, problems))) return;
    notify(t("settings.saved", { name: provider.label }));
    close();
  };
  const change = (key: keyof Typed, value: string) => {
    setTyped({ ...typed, [key]: value });
    if (!warned) return;
    setWarned("");
    submission.clear();
  };
  const field = (key: keyof Typed) => ({
    value: typed[key],
    spellCheck: false,
    onChange: (event: { target: { value: string } }) => change(key, event.target.value),
  });
  const text = (key: keyof Typed, title: string, help?: string) => (
    <Field label={title} help={help} error={submission.errors[key]}>
      <Input {...field(key)} />
    </Field>
  );
  return (
    <FormDialog
      title={existing ? t("settings.editItem", { name: stored }) : t("settings.newProvider")}
      submitLabel={warned ? t("settings.saveAnyway") : existing ? t("ui.save") : t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      {!existing && text("name", t("settings.providerName"), t("settings.providerNameHint"))}
      <CopyableCommand label={t("settings.redirectUri")} text={redirectUri(serverUrl, name || "…")} />
      <OtherOrigin origin={otherOrigin(serverUrl)} url={serverUrl} />
      {text("label", t("settings.label"), t("settings.providerLabelHint"))}
      {text("issuer", t("settings.issuer"), t("settings.issuerHint"))}
      {text("client", t("settings.clientId"))}
      <Field label={t("settings.clientSecret")} help={before?.client_secret ? t("settings.secretKept") : undefined}>
        <Input type="password" autoComplete="new-password" {...field("secret")} />
      </Field>
      {text("scopes", t("settings.scopes"), t("settings.scopesHint"))}
      {text("domains", t("settings.domains"), t("settings.domainsHint"))}
      <label className={css.check}>
        <input type="checkbox" checked={signUp} onChange={(event) => setSignUp(event.target.checked)} />
        {t("settings.signUp")}
      </label>
      {signUp && listOf(typed.domains).length === 0 && (
        <p className={controls.warning}>{t("settings.signUpAnyDomain")}</p>
      )}
      {text("claim", t("settings.groupsClaim"))}
      <Grants grants={grants} set={setGrants} />
      {text("verified", t("settings.verifiedClaim"), t("settings.verifiedClaimHint"))}
      {text("scim", t("settings.scimClaim"), t("settings.scimClaimHint"))}
      {text("networks", t("settings.networks"), t("settings.networksHint"))}
    </FormDialog>
  );
}

/** Memberships that groups at the provider, or domains, grant. They are stored with the provider. */
function Grants({ grants, set }: { grants: Grant[]; set: (grants: Grant[]) => void }) {
  const [adding, setAdding] = useState(false);
  return (
    <fieldset className={`${css.card} ${css.grants}`}>
      <legend>{t("settings.grants")}</legend>
      <p className={css.note}>{t("settings.grantsHint")}</p>
      <Rows
        label={t("settings.grants")}
        items={grants.map((grant, place) => ({ grant, place }))}
        keyOf={({ grant, place }) => `${nameOfGrant(grant)} ${place}`}
        row={({ grant, place }) => (
          <>
            <GrantFacts grant={grant} />
            <IconButton
              icon="cross"
              label={t("settings.removeOf", { name: nameOfGrant(grant) })}
              onClick={() => set(grants.filter((_, other) => other !== place))}
            />
          </>
        )}
      />
      <Button icon="plus" onClick={() => setAdding(true)}>
        {t("settings.newGrant")}
      </Button>
      {adding && <GrantDialog domains add={async (grant) => set([...grants, grant])} close={() => setAdding(false)} />}
    </fieldset>
  );
}
