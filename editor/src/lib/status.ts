/** How a node or run stands: its word, its icon, its colour's name. One map for every page. */
export interface StatusStyle {
  label: string;
  icon: string;
  tone: "calm" | "wait" | "busy" | "good" | "bad";
}

const STATUSES: Record<string, StatusStyle> = {
  pending: { label: "not yet", icon: "minus", tone: "calm" },
  queued: { label: "queued", icon: "clock", tone: "calm" },
  waiting: { label: "waiting", icon: "clock", tone: "wait" },
  awaiting_approval: { label: "awaiting approval", icon: "person", tone: "wait" },
  paused: { label: "paused", icon: "pause", tone: "wait" },
  running: { label: "running", icon: "loop", tone: "busy" },
  succeeded: { label: "succeeded", icon: "check", tone: "good" },
  failed: { label: "failed", icon: "cross", tone: "bad" },
  skipped: { label: "skipped", icon: "skip", tone: "calm" },
  scheduled: { label: "scheduled", icon: "clock", tone: "calm" },
  missed: { label: "missed", icon: "warn", tone: "wait" },
  draft: { label: "draft", icon: "code", tone: "wait" },
  cancelling: { label: "cancelling", icon: "stop", tone: "busy" },
  cancelled: { label: "cancelled", icon: "stop", tone: "calm" },
};

export function statusStyle(status: string): StatusStyle {
  return STATUSES[status] ?? { label: status, icon: "question", tone: "calm" };
}

export const ENDED = new Set(["succeeded", "failed", "skipped", "cancelled", "unknown"]);
