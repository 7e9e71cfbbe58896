/** Named filter of the runs of a workspace, stored in this browser. */
export interface SavedView {
  name: string;
  /** Query of the address. */
  search: string;
}

const LIMIT = 30;
const key = (workspace: string): string => `orvanta.run-views.${workspace}`;

export function savedViews(workspace: string): SavedView[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key(workspace)) ?? "[]");
    return Array.isArray(found) ? found.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(each: unknown): each is SavedView {
  const view = each as SavedView | null;
  return typeof view?.name === "string" && typeof view.search === "string";
}

/** Store a view. It replaces a view of the same name. */
export function saveView(workspace: string, view: SavedView): SavedView[] {
  return store(workspace, [...savedViews(workspace).filter((each) => each.name !== view.name), view]);
}

export function deleteView(workspace: string, name: string): SavedView[] {
  return store(
    workspace,
    savedViews(workspace).filter((each) => each.name !== name),
  );
}

function store(workspace: string, views: SavedView[]): SavedView[] {
  const recent = views.slice(-LIMIT);
  localStorage.setItem(key(workspace), JSON.stringify(recent));
  return recent;
}
