/** A workflow or script that this browser opened. */
export interface RecentItem {
  kind: "workflows" | "scripts";
  path: string;
  name: string;
}

const MAX_ITEMS = 6;
const PREFIX = "orvanta.recent.";
const keyOf = (workspace: string): string => PREFIX + workspace;

/** Return the workflows and scripts of a workspace that this browser opened last, the last one first. */
export function recentItems(workspace: string): RecentItem[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(keyOf(workspace)) ?? "[]");
    return Array.isArray(stored) ? stored.filter(isRecentItem).slice(0, MAX_ITEMS) : [];
  } catch {
    return [];
  }
}

/** Put an opened item before all others. */
export function rememberItem(workspace: string, item: RecentItem): void {
  const others = recentItems(workspace).filter(({ kind, path }) => kind !== item.kind || path !== item.path);
  localStorage.setItem(keyOf(workspace), JSON.stringify([item, ...others].slice(0, MAX_ITEMS)));
}

/** Forget the items of all workspaces: the next person who logs in may not read them. */
export function forgetItems(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
}

function isRecentItem(value: unknown): value is RecentItem {
  const { kind, path, name } = (value ?? {}) as Partial<RecentItem>;
  return (kind === "workflows" || kind === "scripts") && typeof path === "string" && typeof name === "string";
}
