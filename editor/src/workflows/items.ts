import type { DraftHead } from "../api/drafts";
import type { FlowItem } from "../api/flows";

/** A line of the list of workflows: what is deployed, or a draft alone. */
export interface Item {
  path: string;
  summary: string;
  edited_at: string;
  edited_by: string;
  deployed: boolean;
  archived: boolean;
  /** What is said of the reader's draft of it; null: there is none. */
  draft: string | null;
}

/** One line per path. `alone`: drafts of what is not there, never deployed or deleted since, have a line too. */
export function listItems(flows: readonly FlowItem[], drafts: readonly DraftHead[], withDraftsOnly: boolean): Item[] {
  const drafted = new Set(drafts.map((draft) => draft.path));
  const listed = new Set(flows.map((flow) => flow.path));
  return [
    ...flows.map(({ path, summary, edited_at, edited_by, archived }) => ({
      ...{ path, summary, edited_at, edited_by, archived },
      deployed: true,
      draft: drafted.has(path) ? "draft" : null,
    })),
    ...drafts
      // A draft with a version that is not listed belongs to an archived workflow. The two lists are fetched separately:
      // after a deployment, the list of drafts may still hold the deployed draft.
      .filter((draft) => withDraftsOnly && draft.newest_version === null && !listed.has(draft.path))
      .map(({ path, edited_at, base_version }) => ({
        ...{ path, summary: "", edited_at, edited_by: "", deployed: false, archived: false },
        draft: base_version === null ? "draft, not deployed" : "draft, workflow deleted",
      })),
  ];
}

export function itemName(item: Item): string {
  return item.summary || item.path.split("/").slice(2).join("/");
}
