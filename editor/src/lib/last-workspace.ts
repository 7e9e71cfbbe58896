const KEY = "orvanta.workspace";

/** Return the workspace that this browser opened last; null on the first visit. */
export function lastWorkspace(): string | null {
  return localStorage.getItem(KEY);
}

export function rememberWorkspace(id: string): void {
  localStorage.setItem(KEY, id);
}
