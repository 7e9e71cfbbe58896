import { t } from "../texts/runs";

const NAMES: Record<string, string> = {
  manual: t("runs.triggerManual"),
  api: t("runs.triggerApi"),
  webhook: t("runs.triggerWebhook"),
  schedule: t("runs.triggerSchedule"),
  http: t("runs.triggerHttp"),
  rerun: t("runs.triggerRerun"),
  deploy: t("runs.triggerDeploy"),
  dry_run: t("runs.triggerDryRun"),
  error_handler: t("runs.triggerErrorHandler"),
};

/** Return the name of a trigger, such as "Schedule f/a" for "schedule f/a". Unknown kinds are returned unchanged. */
export function triggerName(trigger: string): string {
  const [kind = "", ...rest] = trigger.split(" ");
  return [NAMES[kind] ?? kind, ...rest].join(" ");
}
