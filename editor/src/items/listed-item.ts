import { t } from "../texts/t";
import type { SortOption } from "../ui/list-tools";

/** A row of the list of workflows or scripts: a deployed item, or a draft without one. */
export interface ListedItem {
  path: string;
  summary: string;
  edited_at: string;
  /** Empty if it is the user. */
  edited_by: string;
  deployed: boolean;
  archived: boolean;
  labels: readonly string[];
  /** It is a favourite of the user. */
  starred: boolean;
  /** Displayed state of the user's draft of it; null without a draft. */
  draft: string | null;
}

/** Orders of a list of items. */
export const ITEM_ORDERS: readonly [SortOption<ListedItem>, ...SortOption<ListedItem>[]] = [
  { name: "edited", label: t("ui.byEdited"), before: (a, b) => b.edited_at.localeCompare(a.edited_at) },
  { name: "name", label: t("ui.name"), before: (a, b) => itemName(a).localeCompare(itemName(b)) },
  { name: "path", label: t("ui.byFolder"), before: (a, b) => a.path.localeCompare(b.path) },
];

/** Return the items with a label, or all without one; `favourites`: only favourites of the user. */
export function filterItems<T extends ListedItem>(items: readonly T[], label: string, favourites: boolean): T[] {
  return items.filter((item) => (!favourites || item.starred) && (label === "" || item.labels.includes(label)));
}

/** Return the summary of an item, otherwise its path without the folder. */
export function itemName({ summary, path }: ListedItem): string {
  return summary || path.split("/").slice(2).join("/");
}
