import { t } from "../texts/settings";

interface SettingTexts {
  label: string;
  hint: string;
  /** Page of the documentation, without its ending. */
  guide?: string;
}

/** Texts of the settings of the instance, by name. */
const TEXTS: Readonly<Record<string, SettingTexts>> = {
  min_password_length: {
    label: t("settings.labelMinPasswordLength"),
    hint: t("settings.hintMinPasswordLength"),
  },
  token_max_age_days: { label: t("settings.labelTokenMaxAge"), hint: t("settings.hintTokenMaxAge") },
  require_totp: { label: t("settings.labelRequireTotp"), hint: t("settings.hintRequireTotp") },
  oidc_providers: {
    label: t("settings.labelOidcProviders"),
    hint: t("settings.hintOidcProviders"),
    guide: "how-to/operate/single-sign-on",
  },
  break_glass_account: { label: t("settings.labelBreakGlassAccount"), hint: t("settings.hintBreakGlassAccount") },
  scim_grants: {
    label: t("settings.labelScimGrants"),
    hint: t("settings.hintScimGrants"),
    guide: "how-to/operate/scim",
  },
  smtp: { label: t("settings.labelSmtp"), hint: t("settings.hintSmtp"), guide: "how-to/operate/people" },
  audit_retention_days: { label: t("settings.labelAuditRetention"), hint: t("settings.hintAuditRetention") },
  alerts: { label: t("settings.labelAlerts"), hint: t("settings.hintAlerts"), guide: "how-to/operate/alerts" },
  worker_groups: {
    label: t("settings.labelWorkerGroups"),
    hint: t("settings.hintWorkerGroups"),
    guide: "how-to/operate/workers",
  },
  trusted_release_keys: {
    label: t("settings.labelTrustedReleaseKeys"),
    hint: t("settings.hintTrustedReleaseKeys"),
    guide: "how-to/operate/promote",
  },
  default_tags: {
    label: t("settings.labelDefaultQueues"),
    hint: t("settings.hintDefaultQueues"),
    guide: "how-to/operate/workers",
  },
  queue_rules: {
    label: t("settings.labelQueueRules"),
    hint: t("settings.hintQueueRules"),
    guide: "how-to/operate/workers",
  },
  branding_color: { label: t("settings.labelBrandingColor"), hint: t("settings.hintBrandingColor") },
};

/** Return the texts of a setting of the instance. One without texts has its name, and the description of the server. */
export const settingTexts = (name: string, description: string): SettingTexts =>
  TEXTS[name] ?? { label: name, hint: description };
