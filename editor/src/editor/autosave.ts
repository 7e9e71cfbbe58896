import { useEffect } from "react";
import { ApiError } from "../api/client";
import { discardDraft, saveDraft } from "../api/drafts";
import { validateText } from "../api/validation";
import { debounce } from "../lib/debounce";
import { notifyError } from "../ui/toasts";
import { saveLocalHistory } from "./local-history";
import { type Editor, type EditorStore, isChanged } from "./store";

const SAVE_MS = 1000;
const CHECK_MS = 400;
const RETRY_MS = 4000;

/** Save the draft and validate the text shortly after each change. */
export function useAutosave(store: EditorStore): void {
  useEffect(() => {
    const save = debounce(SAVE_MS, () => saveNow(store, () => save.soon(RETRY_MS)));
    const check = debounce(CHECK_MS, () => checkNow(store, () => check.soon(RETRY_MS)));
    check.soon(0);
    if (store.getState().draft.state === "unsaved") save.soon();
    const stop = store.subscribe((editor, before) => {
      if (editor.history !== before.history || editor.draft.revision !== before.draft.revision) storeHistory(editor);
      if (editor.text !== before.text) {
        check.soon();
        if (editor.draft.state !== "conflict") store.setState({ draft: { ...editor.draft, state: "unsaved" } });
      }
      const { state } = editor.draft;
      if (state === "unsaved" && (before.draft.state !== "unsaved" || editor.text !== before.text)) save.soon();
    });
    const warn = (event: BeforeUnloadEvent) => {
      if (["unsaved", "saving", "conflict"].includes(store.getState().draft.state)) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => {
      stop();
      save.flush();
      check.cancel();
      window.removeEventListener("beforeunload", warn);
    };
  }, [store]);
}

/** Store the history, to restore it after a reload. */
function storeHistory({ workspace, flow, draft, text, history }: Editor): void {
  saveLocalHistory(workspace, flow.path, { version: flow.version_id, revision: draft.revision, text, history });
}

const saves = new WeakMap<EditorStore, Promise<void>>();

/** Save unsaved changes as soon as an earlier save has ended. */
function saveNow(store: EditorStore, again: () => void): Promise<void> {
  const save = (saves.get(store) ?? Promise.resolve()).then(() => saveUnsaved(store, again));
  saves.set(store, save);
  return save;
}

/** Wait for the running save, then save unsaved changes. A save that arrives after a deployment would restore a draft. */
export async function saveDraftNow(store: EditorStore): Promise<void> {
  await saveNow(store, () => {});
}

async function saveUnsaved(store: EditorStore, again: () => void): Promise<void> {
  const editor = store.getState();
  const { workspace, flow, base, text, draft } = editor;
  if (draft.state !== "unsaved") return;
  store.setState({ draft: { ...draft, state: "saving" } });
  try {
    const revision = isChanged(editor)
      ? await saveDraft({ workspace, path: flow.path }, text, base, draft.revision)
      : await discardSaved(workspace, flow.path, draft.revision);
    const later = store.getState();
    // Text written in the meantime is saved next, on this revision.
    const state = later.text === text ? (revision === null ? "none" : "saved") : "unsaved";
    if (later.draft.state === "none") return;
    store.setState({ draft: { revision, state } });
    if (state === "unsaved") again();
  } catch (error) {
    const conflict = error instanceof ApiError && error.code === "draft_conflict";
    store.setState({ draft: { revision: draft.revision, state: conflict ? "conflict" : "unsaved" } });
    if (conflict) return;
    if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 401)
      notifyError(error);
    else again();
  }
}

async function discardSaved(workspace: string, path: string, revision: number | null): Promise<null> {
  if (revision !== null) await discardDraft(workspace, path);
  return null;
}

async function checkNow(store: EditorStore, again: () => void): Promise<void> {
  const { workspace, text } = store.getState();
  try {
    const problems = await validateText(workspace, text);
    if (store.getState().text === text) store.setState({ problems });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500 || error.status === 401) again();
  }
}
