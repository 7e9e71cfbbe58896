import type { DraftHead } from "../api/drafts";
import type { FlowItem } from "../api/flows";
import type { ListedItem } from "../items/listed-item";
import { t } from "../texts/workflows";

/** Return the drafts of workflows that are not deployed, which have rows of their own. */
export function undeployedDrafts(flows: readonly FlowItem[], drafts: readonly DraftHead[]): DraftHead[] {
  const listed = new Set(flows.map((flow) => flow.path));
  // A draft with a version that is not listed belongs to an archived workflow. The two lists are fetched separately:
  // after a deployment, the list of drafts may still hold the deployed draft.
  return drafts.filter((draft) => draft.newest_version === null && !listed.has(draft.path));
}

/** A draft has neither labels nor favourites. */
const UNMARKED = { labels: [], starred: false };

/** Return one row per path. `undeployed`: drafts with rows of their own. `names`: summaries of these drafts by path. */
export function listItems(
  flows: readonly FlowItem[],
  drafts: readonly DraftHead[],
  undeployed: readonly DraftHead[],
  names: ReadonlyMap<string, string>,
): ListedItem[] {
  const drafted = new Set(drafts.map((draft) => draft.path));
  return [
    ...flows.map(({ path, summary, edited_at, edited_by, archived, labels = [], starred = false }) => ({
      ...{ path, summary, edited_at, edited_by, archived, labels, starred },
      deployed: true,
      draft: drafted.has(path) ? t("lib.draft") : null,
    })),
    ...undeployed.map(({ path, edited_at, base_version }) => ({
      ...{
        path,
        summary: names.get(path) ?? "",
        edited_at,
        edited_by: "",
        deployed: false,
        archived: false,
        ...UNMARKED,
      },
      draft: base_version === null ? t("ui.draftOnly") : t("workflows.draftOfDeleted"),
    })),
  ];
}
