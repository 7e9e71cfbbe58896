import { useEffect } from "react";
import { discardDraft, saveDraft } from "../api/drafts";
import { validateText } from "../api/validation";
import { ApiError } from "../lib/api-error";
import { debounce } from "../lib/debounce";
import { braceProblems } from "../workflow/braces";
import { exampleProblems } from "../workflow/examples";
import { translateProblem } from "../workflow/problem-text";
import { type DraftStorage, saveUnsavedNow, useDraftSaver } from "./draft-saver";
import { saveLocalHistory } from "./local-history";
import { type Editor, type EditorStore, isChanged } from "./store";

const CHECK_MS = 400;
const RETRY_MS = 4000;

const DRAFTS: DraftStorage<Editor> = {
  isChanged,
  isSame: (one, other) => one.text === other.text,
  save: ({ workspace, flow, base, text, draft }) =>
    saveDraft({ workspace, path: flow.path }, text, base, draft.revision),
  discard: ({ workspace, flow }) => discardDraft(workspace, flow.path),
};

/** Save the draft and validate the text shortly after each change. */
export function useAutosave(store: EditorStore): void {
  useDraftSaver(store, DRAFTS);
  useEffect(() => {
    const check = debounce(CHECK_MS, () => checkNow(store, () => check.soon(RETRY_MS)));
    check.soon(0);
    const stop = store.subscribe((editor, before) => {
      if (editor.history !== before.history || editor.draft.revision !== before.draft.revision) storeHistory(editor);
      if (editor.text === before.text) return;
      check.soon();
      if (editor.draft.state !== "conflict") store.setState({ draft: { ...editor.draft, state: "unsaved" } });
    });
    return () => {
      stop();
      check.cancel();
    };
  }, [store]);
}

/** Wait for the running save, then save unsaved changes of the workflow. */
export const saveDraftNow = (store: EditorStore): Promise<void> => saveUnsavedNow(store, DRAFTS);

/** Store the history, to restore it after a reload. */
function storeHistory({ workspace, flow, draft, text, history }: Editor): void {
  saveLocalHistory(workspace, flow.path, { version: flow.version_id, revision: draft.revision, text, history });
}

async function checkNow(store: EditorStore, again: () => void): Promise<void> {
  const { workspace, flow, text } = store.getState();
  try {
    const { problems, defaults } = await validateText(workspace, flow.path, text);
    const editor = store.getState();
    if (editor.text === text)
      store.setState({
        problems: [
          ...problems.map((each) => translateProblem(each, editor.tree)),
          ...exampleProblems(editor),
          ...braceProblems(editor),
        ],
        defaults,
        checked: text,
      });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500 || error.status === 401) again();
  }
}
