import { t } from "../texts/settings";

/** Labels of the settings of the instance, by name. */
const LABELS: Readonly<Record<string, string>> = {
  min_password_length: t("settings.labelMinPasswordLength"),
  token_max_age_days: t("settings.labelTokenMaxAge"),
  require_totp: t("settings.labelRequireTotp"),
  oidc_providers: t("settings.labelOidcProviders"),
  break_glass_account: t("settings.labelBreakGlassAccount"),
  scim_grants: t("settings.labelScimGrants"),
  smtp: t("settings.labelSmtp"),
  audit_retention_days: t("settings.labelAuditRetention"),
  alerts: t("settings.labelAlerts"),
  worker_groups: t("settings.labelWorkerGroups"),
  trusted_release_keys: t("settings.labelTrustedReleaseKeys"),
  default_tags: t("settings.labelDefaultTags"),
  queue_rules: t("settings.labelQueueRules"),
  branding_color: t("settings.labelBrandingColor"),
};

/** Return the label of a setting of the instance; its name if it has none. */
export const settingLabel = (name: string): string => LABELS[name] ?? name;
