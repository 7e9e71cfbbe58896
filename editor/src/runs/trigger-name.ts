import { t } from "../texts/t";

const NAMES: Record<string, string> = {
  manual: t("runs.triggerManual"),
  api: t("runs.triggerApi"),
  webhook: t("runs.triggerWebhook"),
  schedule: t("runs.triggerSchedule"),
  http: t("runs.triggerHttp"),
  rerun: t("runs.triggerRerun"),
  deploy: t("runs.triggerDeploy"),
};

/** Return the name of a kind of trigger. Other kinds are returned unchanged. */
export function triggerName(kind: string): string {
  return NAMES[kind] ?? kind;
}
