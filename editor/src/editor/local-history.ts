import type { History } from "../workflow/history";

/** What a tab keeps of a page: its text, how it came about, and the draft and version that it builds on. */
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

/** This tab, also after it was loaded again. */
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

/** What this tab kept of a workflow; null where it kept nothing, or the browser keeps nothing. */
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

let waiting: Row | null = null;
let writing = false;

/** Keeps what is on the page for when it is loaded again. Of what comes while it writes, the last is written. */
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
    // A browser that keeps nothing still edits; the draft is kept by the server.
  } finally {
    writing = false;
  }
}
