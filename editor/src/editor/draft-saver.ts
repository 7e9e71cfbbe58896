import { useContext, useEffect } from "react";
import type { StoreApi } from "zustand";
import { ApiError } from "../lib/api-error";
import { debounce } from "../lib/debounce";
import { RouterContext } from "../routing/provider";
import { t } from "../texts/t";
import { ask } from "../ui/ask";
import { notifyError } from "../ui/toasts";

const SAVE_MS = 1000;
const RETRY_MS = 4000;

/**
 * Revision that the next save of a draft is based on, and the state of that draft. A `refused` draft is saved again after
 * the next change.
 */
export interface DraftState {
  revision: number | null;
  state: "none" | "unsaved" | "saving" | "saved" | "conflict" | "refused";
}

/** State of a page with a draft. */
interface Drafted {
  draft: DraftState;
}

/** Comparison and storage of the drafts of a page. */
export interface DraftStorage<Page extends Drafted> {
  /** Return true if the page differs from the deployed version. */
  isChanged: (page: Page) => boolean;
  /** Return true if two states of the page have the same draft. */
  isSame: (one: Page, other: Page) => boolean;
  /** Store the draft. Return its revision. */
  save: (page: Page) => Promise<number>;
  discard: (page: Page) => Promise<void>;
}

/** Save the draft a second after the last change, and retry until the server has stored it. */
export function useDraftSaver<Page extends Drafted>(store: StoreApi<Page>, storage: DraftStorage<Page>): void {
  const router = useContext(RouterContext);
  useEffect(() => {
    const save = debounce(SAVE_MS, () => saveInTurn(store, storage, () => save.soon(RETRY_MS)));
    if (store.getState().draft.state === "unsaved") save.soon();
    const stop = store.subscribe((page, before) => {
      const isNew = before.draft.state !== "unsaved" || !storage.isSame(page, before);
      if (page.draft.state === "unsaved" && isNew) save.soon();
    });
    const warn = (event: BeforeUnloadEvent) => {
      if (["unsaved", "saving", "conflict", "refused"].includes(store.getState().draft.state)) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    // Other unsaved changes are saved when the page is left.
    const unguard = router?.guard(
      () => !["conflict", "refused"].includes(store.getState().draft.state) || ask(leaveQuestion()),
    );
    return () => {
      unguard?.();
      stop();
      save.flush();
      window.removeEventListener("beforeunload", warn);
    };
  }, [store, storage, router]);
}

const leaveQuestion = () => ({
  title: t("ui.leaveTitle"),
  text: t("ui.leaveUnsaved"),
  confirmLabel: t("ui.leave"),
});

/** Wait for the running save, then save unsaved changes. A save that arrives after a deployment would restore a draft. */
export async function saveUnsavedNow<Page extends Drafted>(
  store: StoreApi<Page>,
  storage: DraftStorage<Page>,
): Promise<void> {
  await saveInTurn(store, storage, () => {});
}

const saves = new WeakMap<object, Promise<void>>();

/** Save unsaved changes as soon as an earlier save has ended. */
function saveInTurn<Page extends Drafted>(
  store: StoreApi<Page>,
  storage: DraftStorage<Page>,
  again: () => void,
): Promise<void> {
  const save = (saves.get(store) ?? Promise.resolve()).then(() => saveUnsaved(store, storage, again));
  saves.set(store, save);
  return save;
}

async function saveUnsaved<Page extends Drafted>(
  store: StoreApi<Page>,
  storage: DraftStorage<Page>,
  again: () => void,
): Promise<void> {
  const page = store.getState();
  const { revision, state } = page.draft;
  if (state !== "unsaved" && state !== "refused") return;
  const set = (draft: DraftState) => store.setState({ draft } as Partial<Page>);
  set({ revision, state: "saving" });
  try {
    let saved: number | null = null;
    if (storage.isChanged(page)) saved = await storage.save(page);
    else if (revision !== null) await storage.discard(page);
    const later = store.getState();
    if (later.draft.state === "none") return;
    // Changes made meanwhile are saved next, based on this revision.
    const isSaved = storage.isSame(later, page);
    set({ revision: saved, state: isSaved ? (saved === null ? "none" : "saved") : "unsaved" });
    if (!isSaved) again();
  } catch (error) {
    if (error instanceof ApiError && error.code === "draft_conflict") {
      set({ revision, state: "conflict" });
    } else if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 401) {
      set({ revision, state: "refused" });
      notifyError(error);
    } else {
      set({ revision, state: "unsaved" });
      again();
    }
  }
}
