/** How a node or run stands: its word, its icon, its colour's name. One map for every page. */
export interface Look {
  word: string;
  icon: string;
  tone: "calm" | "wait" | "busy" | "good" | "bad";
}

const LOOKS: Record<string, Look> = {
  pending: { word: "not yet", icon: "minus", tone: "calm" },
  queued: { word: "queued", icon: "clock", tone: "calm" },
  waiting: { word: "waiting", icon: "clock", tone: "wait" },
  awaiting_approval: { word: "awaiting approval", icon: "person", tone: "wait" },
  paused: { word: "paused", icon: "pause", tone: "wait" },
  running: { word: "running", icon: "loop", tone: "busy" },
  succeeded: { word: "succeeded", icon: "check", tone: "good" },
  failed: { word: "failed", icon: "cross", tone: "bad" },
  skipped: { word: "skipped", icon: "skip", tone: "calm" },
  scheduled: { word: "scheduled", icon: "clock", tone: "calm" },
  missed: { word: "missed", icon: "warn", tone: "wait" },
  draft: { word: "draft", icon: "code", tone: "wait" },
  cancelling: { word: "cancelling", icon: "stop", tone: "busy" },
  cancelled: { word: "cancelled", icon: "stop", tone: "calm" },
};

export function lookOf(status: string): Look {
  return LOOKS[status] ?? { word: status, icon: "question", tone: "calm" };
}

export const ENDED = new Set(["succeeded", "failed", "skipped", "cancelled", "unknown"]);
