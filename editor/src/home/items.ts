import type { DraftHead } from "../api/drafts";
import type { FlowItem } from "../api/flows";

/** A line of the list of workflows: what is deployed, or a draft that never was. */
export interface Item {
  path: string;
  summary: string;
  edited_at: string;
  edited_by: string;
  deployed: boolean;
  /** The reader has a draft of it. */
  draft: boolean;
}

/** One line per path. */
export function itemsOf(flows: readonly FlowItem[], drafts: readonly DraftHead[]): Item[] {
  const drafted = new Set(drafts.map((draft) => draft.path));
  const deployed = new Set(flows.map((flow) => flow.path));
  return [
    ...flows.map(({ path, summary, edited_at, edited_by }) => ({
      ...{ path, summary, edited_at, edited_by },
      deployed: true,
      draft: drafted.has(path),
    })),
    ...drafts
      .filter((draft) => !deployed.has(draft.path))
      .map(({ path, edited_at }) => ({ path, summary: "", edited_at, edited_by: "", deployed: false, draft: true })),
  ];
}

export function nameOf(item: Item): string {
  return item.summary || item.path.split("/").slice(2).join("/");
}
