import type { DraftHead } from "../api/drafts";
import type { FlowItem } from "../api/flows";
import { t } from "../texts/workflows";

/** A row of the list of workflows: a deployed workflow, or a draft without one. */
export interface Item {
  path: string;
  summary: string;
  edited_at: string;
  edited_by: string;
  deployed: boolean;
  archived: boolean;
  /** Shown state of the reader's draft of it; null without a draft. */
  draft: string | null;
}

/** Return the drafts of workflows that are not deployed, which have rows of their own. */
export function undeployedDrafts(flows: readonly FlowItem[], drafts: readonly DraftHead[]): DraftHead[] {
  const listed = new Set(flows.map((flow) => flow.path));
  // A draft with a version that is not listed belongs to an archived workflow. The two lists are fetched separately:
  // after a deployment, the list of drafts may still hold the deployed draft.
  return drafts.filter((draft) => draft.newest_version === null && !listed.has(draft.path));
}

/** Return one row per path. `undeployed`: drafts with rows of their own. `names`: summaries of these drafts by path. */
export function listItems(
  flows: readonly FlowItem[],
  drafts: readonly DraftHead[],
  undeployed: readonly DraftHead[],
  names: ReadonlyMap<string, string>,
): Item[] {
  const drafted = new Set(drafts.map((draft) => draft.path));
  return [
    ...flows.map(({ path, summary, edited_at, edited_by, archived }) => ({
      ...{ path, summary, edited_at, edited_by, archived },
      deployed: true,
      draft: drafted.has(path) ? t("workflows.draft") : null,
    })),
    ...undeployed.map(({ path, edited_at, base_version }) => ({
      ...{ path, summary: names.get(path) ?? "", edited_at, edited_by: "", deployed: false, archived: false },
      draft: base_version === null ? t("workflows.draftOnly") : t("workflows.draftOfDeleted"),
    })),
  ];
}

export function itemName(item: Item): string {
  return item.summary || item.path.split("/").slice(2).join("/");
}
