import { queryOptions } from "@tanstack/react-query";
import type { History } from "../workflow/history";

/** Text and history of a page, stored per tab, with the draft revision and version that they are based on. */
export interface LocalHistory {
  version: number | null;
  revision: number | null;
  text: string;
  history: History;
}

const DATABASE = "orvanta";
const STORE = "history";
const TAB = "orvanta.tab";
const MAX_AGE_MS = 14 * 24 * 3600 * 1000;

interface Row extends LocalHistory {
  key: string;
  at: number;
}

/** Return the id of this tab, which survives a reload. */
function tabId(): string {
  const known = sessionStorage.getItem(TAB);
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint32Array(3)), (each) => each.toString(36)).join("");
  sessionStorage.setItem(TAB, made);
  return made;
}

const keyOf = (workspace: string, path: string) => `${tabId()}:${workspace}:${path}`;

function requestResult<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

let opening: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opening ??= (() => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" }).createIndex("at", "at");
    return requestResult(request);
  })();
  return opening;
}

/** Return the stored history of a workflow in this tab; null if there is none or the browser stores nothing. */
export async function loadLocalHistory(workspace: string, path: string): Promise<LocalHistory | null> {
  try {
    const store = (await database()).transaction(STORE, "readwrite").objectStore(STORE);
    const old = store.index("at").openCursor(IDBKeyRange.upperBound(Date.now() - MAX_AGE_MS));
    old.onsuccess = () => {
      old.result?.delete();
      old.result?.continue();
    };
    return ((await requestResult(store.get(keyOf(workspace, path)))) as Row | undefined) ?? null;
  } catch {
    return null;
  }
}

/** Query of the stored history of a workflow, which is read at each visit of its page. */
export const localHistoryQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["kept", workspace, path],
    queryFn: () => loadLocalHistory(workspace, path),
    gcTime: 0,
    networkMode: "always",
  });

let waiting: Row | null = null;
let writing = false;

/** Store the history, to restore it after a reload. Of calls during a write, only the last is written. */
export function saveLocalHistory(workspace: string, path: string, entry: LocalHistory): void {
  waiting = { ...entry, key: keyOf(workspace, path), at: Date.now() };
  if (!writing) void write();
}

async function write(): Promise<void> {
  writing = true;
  try {
    while (waiting) {
      const row = waiting;
      waiting = null;
      await requestResult((await database()).transaction(STORE, "readwrite").objectStore(STORE).put(row));
    }
  } catch {
    // Editing also works without local storage: the server stores the draft.
  } finally {
    writing = false;
  }
}
