import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type IdentityProvider, identityProvidersQuery, saveIdentityProviders } from "../api/identity-providers";
import { instanceSettingsQuery } from "../api/instance-settings";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Empty } from "../ui/states";
import { DeleteButton } from "./delete-button";
import { Loaded, Problem, Rows, useSubmission } from "./parts";
import { SettingRow } from "./setting-row";
import css from "./settings.module.css";
import { SsoDialog } from "./sso-dialog";

type Change = (before: Record<string, IdentityProvider>) => Record<string, IdentityProvider>;

/** OpenID providers of single sign-on, and the account that can still log in with a password. For superadmins. */
export function SsoPage() {
  const queries = useQueryClient();
  const providers = useQuery(identityProvidersQuery);
  const settings = useQuery(instanceSettingsQuery);
  const [creating, setCreating] = useState(false);
  const save = async (change: Change) => {
    await saveIdentityProviders(queries, change);
    await queries.invalidateQueries({ queryKey: ["instance-settings"] });
  };
  const found = Object.entries(providers.data ?? {});
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.groupSso")}</h1>
        <Button look="main" icon="plus" disabled={!providers.data} onClick={() => setCreating(true)}>
          {t("settings.newProvider")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.ssoHint")}</p>
      <Loaded query={providers} />
      {providers.data && found.length === 0 && (
        <Empty title={t("settings.noProviders")}>
          <p>{t("settings.noProvidersHint")}</p>
        </Empty>
      )}
      <Rows
        label={t("settings.groupSso")}
        items={found}
        keyOf={([name]) => name}
        row={([name, provider]) => <ProviderRow name={name} provider={provider} save={save} />}
      />
      <section className={css.section} aria-labelledby="break-glass">
        <h2 id="break-glass">{t("settings.passwordLogin")}</h2>
        <Loaded query={settings} />
        <Rows
          label={t("settings.passwordLogin")}
          items={settings.data?.filter(({ name }) => name === "break_glass_account") ?? []}
          keyOf={({ name }) => name}
          row={(setting) => <SettingRow setting={setting} />}
        />
      </section>
      {creating && <SsoDialog taken={found.map(([name]) => name)} save={save} close={() => setCreating(false)} />}
    </main>
  );
}

interface RowProps {
  name: string;
  provider: IdentityProvider;
  save: (change: Change) => Promise<void>;
}

function ProviderRow({ name, provider, save }: RowProps) {
  const submission = useSubmission();
  const [editing, setEditing] = useState(false);
  const remove = () => save(({ [name]: _removed, ...others }) => others);
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{provider.label}</span>
          <code>{name}</code>
        </span>
        <span className={css.facts}>
          <span>{provider.issuer}</span>
          {provider.domains?.map((domain) => (
            <code key={domain} className={css.chip}>
              {domain}
            </code>
          ))}
        </span>
      </div>
      <div className={css.tools}>
        <Button icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name })}>
          {t("ui.edit")}
        </Button>
        <DeleteButton name={name} hint={t("settings.deleteProviderHint")} submission={submission} remove={remove} />
      </div>
      <Problem text={submission.errors[""]} />
      {editing && <SsoDialog existing={[name, provider]} save={save} close={() => setEditing(false)} />}
    </>
  );
}
