import { useQuery } from "@tanstack/react-query";
import { overviewQuery } from "../api/overview";
import { t } from "../texts/t";
import type { Badge } from "./pages";

const RECENT_MS = 24 * 3600 * 1000;
/** Counts above it are shown as "9+". */
const MAX_COUNT = 9;

/** A number, with its meaning for screen readers and as a tooltip. */
export interface BadgeText {
  text: string;
  meaning: string;
}

/** Return the numbers beside the links of a workspace; undefined where there is nothing to show. */
export function useBadges(workspace: string): Partial<Record<Badge, BadgeText>> {
  const { data } = useQuery(overviewQuery(workspace));
  if (!data) return {};
  const failed = data.failed.filter(({ last }) => Date.now() - Date.parse(last.created_at) < RECENT_MS).length;
  return {
    ...(data.waiting_runs > 0 && {
      approvals: { text: short(data.waiting_runs), meaning: t("shell.approvalsWaiting", { count: data.waiting_runs }) },
    }),
    ...(failed > 0 && { failures: { text: short(failed), meaning: t("shell.failedToday", { count: failed }) } }),
  };
}

function short(count: number): string {
  return count > MAX_COUNT ? `${MAX_COUNT}+` : String(count);
}
