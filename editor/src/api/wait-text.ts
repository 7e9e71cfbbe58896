import { statusStyle } from "../lib/status";
import { textOfCode } from "../texts/t";
import type { components } from "./schema";

type Wait = components["schemas"]["Waiting"] | components["schemas"]["NodeWait"];

/** Return a reason for waiting in the language of the page. */
export function waitText({ code, reason, limit, queue = "", approvers = [] }: Wait): string {
  if (code === "approval" && approvers.length > 0) {
    return textOfCode("codes.wait_approvalBy", reason, { approvers: approvers.join(", ") });
  }
  if ((code === "limit" || code === "window") && !limit) return textOfCode("codes.wait_unknownLimit", reason);
  const { key = "", limit: places = 0, in_use: used = 0, window_s: seconds = 0 } = limit ?? {};
  return textOfCode(`codes.wait_${code}`, reason, { queue, limit: key, places, used, seconds });
}

/** Return a reason for waiting that is shown beside a status; "" if it only repeats the status. */
export function waitBeside(status: string, wait: Wait): string {
  const reason = waitText(wait);
  return reason.toLowerCase() === statusStyle(status).label.toLowerCase() ? "" : reason;
}
