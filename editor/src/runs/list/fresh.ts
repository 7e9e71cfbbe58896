import { listRuns, PAGE, type RunPages } from "../../api/run-list";
import type { RunFilter } from "./filter";
import { placeUnderWay, withHead, withPage } from "./pages";

/** The first page anew, and of what lies below at most one page: the first that has runs under way. */
export async function freshen(workspace: string, filter: RunFilter, data: RunPages): Promise<RunPages> {
  const made = withHead(data, await listRuns(workspace, filter, ""));
  const place = placeUnderWay(made);
  const page = made.pages[place];
  const before = made.pageParams[place];
  if (!page || !before) return made;
  const { rows } = await listRuns(workspace, filter, before, Math.max(page.rows.length, PAGE));
  return withPage(made, place, rows);
}
