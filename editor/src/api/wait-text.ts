import { t } from "../texts/api";
import { IS_ENGLISH } from "../texts/language";
import type { components } from "./schema";

type Wait = components["schemas"]["Waiting"] | components["schemas"]["NodeWait"];

/** Texts of reasons without details. */
const TEXTS: Readonly<Record<string, string>> = {
  no_slot: t("api.wait_no_slot"),
  retry: t("api.wait_retry"),
  time: t("api.wait_time"),
  locking: t("api.wait_locking"),
  suspended: t("api.wait_suspended"),
  sleeping: t("api.wait_sleeping"),
  debounce: t("api.wait_debounce"),
  paused: t("api.wait_paused"),
  children: t("api.wait_children"),
  run: t("api.wait_run"),
  storage: t("api.wait_storage"),
  held: t("api.wait_held"),
  step: t("api.wait_step"),
};

/** Return a reason for waiting in the language of the page. The text of the server is English. */
export function waitText(wait: Wait): string {
  if (IS_ENGLISH) return wait.reason;
  const { code, limit, queue = "", approvers = [] } = wait;
  if (code === "no_worker") return t("api.wait_no_worker", { queue });
  if (code === "approval") {
    return approvers.length > 0
      ? t("api.wait_approvalBy", { approvers: approvers.join(", ") })
      : t("api.wait_approval");
  }
  if (code === "limit" || code === "window") {
    if (!limit) return t("api.wait_unknownLimit");
    const { key, limit: places, in_use: used, window_s: seconds = 0 } = limit;
    return code === "limit"
      ? t("api.wait_limit", { limit: key, used, places })
      : t("api.wait_window", { limit: key, places, seconds });
  }
  return TEXTS[code] ?? wait.reason;
}
