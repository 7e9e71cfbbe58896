import type { History } from "../workflow/history";

/** What a tab keeps of a page: its text, how it came about, and the draft and version that it builds on. */
export interface Kept {
  version: number | null;
  revision: number | null;
  text: string;
  history: History;
}

const DATABASE = "orvanta";
const STORE = "history";
const TAB = "orvanta.tab";
const KEPT_MS = 14 * 24 * 3600 * 1000;

interface Row extends Kept {
  key: string;
  at: number;
}

/** This tab, also after it was loaded again. */
function tab(): string {
  const known = sessionStorage.getItem(TAB);
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint32Array(3)), (each) => each.toString(36)).join("");
  sessionStorage.setItem(TAB, made);
  return made;
}

const keyOf = (workspace: string, path: string) => `${tab()}:${workspace}:${path}`;

function asked<T>(request: IDBRequest<T>): Promise<T> {
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
    return asked(request);
  })();
  return opening;
}

/** What this tab kept of a workflow; null where it kept nothing, or the browser keeps nothing. */
export async function recallKept(workspace: string, path: string): Promise<Kept | null> {
  try {
    const store = (await database()).transaction(STORE, "readwrite").objectStore(STORE);
    const old = store.index("at").openCursor(IDBKeyRange.upperBound(Date.now() - KEPT_MS));
    old.onsuccess = () => {
      old.result?.delete();
      old.result?.continue();
    };
    return ((await asked(store.get(keyOf(workspace, path)))) as Row | undefined) ?? null;
  } catch {
    return null;
  }
}

let waiting: Row | null = null;
let writing = false;

/** Keeps what is on the page for when it is loaded again. Of what comes while it writes, the last is written. */
export function keep(workspace: string, path: string, kept: Kept): void {
  waiting = { ...kept, key: keyOf(workspace, path), at: Date.now() };
  if (!writing) void write();
}

async function write(): Promise<void> {
  writing = true;
  try {
    while (waiting) {
      const row = waiting;
      waiting = null;
      await asked((await database()).transaction(STORE, "readwrite").objectStore(STORE).put(row));
    }
  } catch {
    // A browser that keeps nothing still edits; the draft is kept by the server.
  } finally {
    writing = false;
  }
}
