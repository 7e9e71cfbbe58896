import { t } from "../texts/t";

/** Label, icon and colour of the status of a node or run, for all pages. */
export interface StatusStyle {
  label: string;
  icon: string;
  tone: "calm" | "wait" | "busy" | "good" | "bad";
}

const STATUSES: Record<string, StatusStyle> = {
  pending: { label: t("lib.pending"), icon: "minus", tone: "calm" },
  not_run: { label: t("lib.notRun"), icon: "minus", tone: "calm" },
  queued: { label: t("lib.queued"), icon: "clock", tone: "calm" },
  waiting: { label: t("lib.waiting"), icon: "clock", tone: "wait" },
  awaiting_approval: { label: t("lib.awaitingApproval"), icon: "person", tone: "wait" },
  paused: { label: t("lib.paused"), icon: "pause", tone: "wait" },
  running: { label: t("lib.running"), icon: "loop", tone: "busy" },
  succeeded: { label: t("lib.succeeded"), icon: "check", tone: "good" },
  failed: { label: t("lib.failed"), icon: "cross", tone: "bad" },
  skipped: { label: t("lib.skipped"), icon: "skip", tone: "calm" },
  outdated: { label: t("lib.outdated"), icon: "clock", tone: "calm" },
  scheduled: { label: t("lib.scheduled"), icon: "clock", tone: "calm" },
  missed: { label: t("lib.missed"), icon: "warn", tone: "wait" },
  draft: { label: t("lib.draft"), icon: "code", tone: "wait" },
  cancelling: { label: t("lib.cancelling"), icon: "stop", tone: "busy" },
  cancelled: { label: t("lib.cancelled"), icon: "stop", tone: "calm" },
  unknown: { label: t("lib.unknown"), icon: "question", tone: "calm" },
  none: { label: t("lib.none"), icon: "minus", tone: "calm" },
};

export function statusStyle(status: string): StatusStyle {
  return STATUSES[status] ?? { label: status, icon: "question", tone: "calm" };
}

export const ENDED = new Set(["succeeded", "failed", "skipped", "cancelled", "unknown"]);

/** Return the shown status of a node: one that is pending when its run has ended does not run. */
export const statusInRun = (node: string, run: string | undefined): string =>
  node === "pending" && ENDED.has(run ?? "") ? "not_run" : node;
