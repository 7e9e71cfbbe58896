import type { RunFilter } from "../../api/run-filter";
import { listRuns, PAGE, type RunPages } from "../../api/run-list";
import { firstLivePage, withNewestRows, withRefreshedPage } from "./pages";

/** Refresh the first page, and at most one later page: the first one with unfinished runs. */
export async function refreshRuns(workspace: string, filter: RunFilter, data: RunPages): Promise<RunPages> {
  const made = withNewestRows(data, await listRuns(workspace, filter, ""));
  const place = firstLivePage(made);
  const page = made.pages[place];
  const before = made.pageParams[place];
  if (!page || !before) return made;
  const { rows } = await listRuns(workspace, filter, before, Math.max(page.rows.length, PAGE));
  return withRefreshedPage(made, place, rows);
}
