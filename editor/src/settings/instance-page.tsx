import { useQuery } from "@tanstack/react-query";
import {
  type InstanceSetting,
  instanceSettingsQuery,
  type ProcessSetting,
  processSettingsQuery,
} from "../api/instance-settings";
import { t } from "../texts/settings";
import { textOfCode } from "../texts/t";
import { withCode } from "../ui/with-code";
import { Loaded, Rows, SearchedList } from "./parts";
import { SettingRow } from "./setting-row";
import css from "./settings.module.css";

/** Settings of passwords and tokens. */
const LOGIN = ["min_password_length", "require_totp", "token_max_age_days"];
/** Settings of the pages Single sign-on and SCIM. */
const SSO = ["oidc_providers", "break_glass_account", "scim_grants"];

/** Settings of the instance, and those that the environment of the server determines. For superadmins. */
export function InstancePage() {
  const settings = useQuery(instanceSettingsQuery);
  const environment = useQuery(processSettingsQuery);
  const login = settings.data?.filter((each) => LOGIN.includes(each.name)) ?? [];
  const others = settings.data?.filter((each) => ![...LOGIN, ...SSO].includes(each.name)) ?? [];
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.instanceSettings")}</h1>
      </div>
      <p className={css.about}>{t("settings.instanceSettingsHint")}</p>
      <Loaded query={settings} />
      <Group title={t("settings.groupLogin")} settings={login} />
      <Group title={t("settings.groupOther")} settings={others} />
      <section className={css.section} aria-labelledby="environment">
        <h2 id="environment">{t("settings.environment")}</h2>
        <p className={css.about}>{t("settings.environmentHint")}</p>
        <SearchedList
          label={t("settings.environment")}
          query={environment}
          keyOf={(each) => each.name}
          textOf={(each) => `${each.name} ${describe(each)}`}
          empty={[t("settings.environment"), t("settings.environmentHint")]}
          row={(each) => <ProcessRow setting={each} />}
        />
      </section>
    </main>
  );
}

const describe = ({ name, description }: ProcessSetting): string => textOfCode(`codes.setting_${name}`, description);

function Group({ title, settings }: { title: string; settings: readonly InstanceSetting[] }) {
  if (settings.length === 0) return null;
  return (
    <section className={css.section} aria-label={title}>
      <h2>{title}</h2>
      <Rows label={title} items={settings} keyOf={(each) => each.name} row={(each) => <SettingRow setting={each} />} />
    </section>
  );
}

function ProcessRow({ setting }: { setting: ProcessSetting }) {
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <code className={css.name}>{setting.name}</code>
          <code>{setting.value ?? "—"}</code>
        </span>
        <span className={css.facts}>
          <span>{withCode(describe(setting))}</span>
        </span>
      </div>
      <span className={css.note}>{setting.set ? t("settings.setForProcess") : t("settings.default")}</span>
    </>
  );
}
