/** A row of the list: a deployed script, or a draft that was never deployed. `by` is empty for the reader. */
export interface Item {
  path: string;
  summary: string;
  language: string;
  at: string;
  by: string;
  deployed: boolean;
  archived: boolean;
  draft: boolean;
}

export function itemName(item: Item): string {
  return item.summary || item.path.split("/").slice(2).join("/");
}
