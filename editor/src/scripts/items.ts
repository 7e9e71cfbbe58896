import type { ScriptItem } from "../api/scripts";
import type { ListedItem } from "../items/listed-item";
import { t } from "../texts/scripts";

/** A row of the list of scripts. */
export interface Item extends ListedItem {
  /** Empty for a draft without a deployed script. */
  language: string;
}

/** Return one row per path. */
export function listItems(
  scripts: readonly ScriptItem[],
  drafts: readonly { path: string; edited_at: string }[],
): Item[] {
  const drafted = new Set(drafts.map((each) => each.path));
  const deployed = new Set(scripts.map((each) => each.path));
  return [
    ...scripts.map(({ path, summary, language, created_at, created_by, archived, labels = [], starred = false }) => ({
      ...{ path, summary, language, edited_at: created_at, edited_by: created_by, archived, labels, starred },
      deployed: true,
      draft: drafted.has(path) ? t("lib.draft") : null,
    })),
    ...drafts
      .filter((each) => !deployed.has(each.path))
      .map(({ path, edited_at }) => ({
        ...{ path, summary: "", language: "", edited_at, edited_by: "", deployed: false, archived: false },
        ...{ labels: [], starred: false },
        draft: t("ui.draftOnly"),
      })),
  ];
}
