import { createContext, useContext } from "react";
import { createStore, useStore } from "zustand";
import { fetchResult } from "../api/runs";
import {
  discardScriptDraft,
  type Script,
  type ScriptDraft,
  type ScriptSource,
  saveScriptDraft,
  startScript,
} from "../api/scripts";
import { follow } from "../api/stream";
import { type DraftState, type DraftStorage, saveUnsavedNow, useDraftSaver } from "../editor/draft-saver";
import { ENDED } from "../lib/status";
import { notifyError } from "../ui/toasts";
import type { Json, Tree } from "../workflow/types";

/** Test run of the script on the page: its live log, then its result. */
export interface TestRun {
  id: string;
  /** Code of the run. */
  content: string;
  status: string;
  connected: boolean;
  log: string;
  duration: number | null;
  result: Json | undefined;
}

export interface ScriptEditor extends ScriptSource {
  workspace: string;
  path: string;
  /** Deployed version; null if the script was never deployed. */
  deployed: Script | null;
  draft: DraftState;
  testRun: TestRun | null;
}

export type ScriptStore = ReturnType<typeof createScriptEditor>;

const MAX_LOG_LENGTH = 500_000;

/** Return the draft of a script, or else its deployed version. */
export function openedSource(deployed: Script | null, draft: ScriptDraft | null): ScriptSource {
  const { content = "", language = "", summary = "" } = draft ?? deployed ?? {};
  return { content, language, summary, labels: draft?.labels ?? deployed?.labels ?? [] };
}

const isSameSource = (one: ScriptSource, other: ScriptSource): boolean =>
  one.content === other.content &&
  one.summary === other.summary &&
  one.language === other.language &&
  one.labels.join() === other.labels.join();

/** The state of one script's page. */
export function createScriptEditor(
  workspace: string,
  path: string,
  deployed: Script | null,
  draft: ScriptDraft | null,
) {
  const source = openedSource(deployed, draft);
  return createStore<ScriptEditor>(() => ({
    workspace,
    path,
    deployed,
    ...source,
    draft: { revision: draft?.revision ?? null, state: draft ? "saved" : "none" },
    testRun: null,
  }));
}

export const ScriptContext = createContext<ScriptStore | null>(null);

export function useScriptStore(): ScriptStore {
  const store = useContext(ScriptContext);
  if (!store) throw new TypeError("no script editor around this component");
  return store;
}

export function useScript<T>(part: (editor: ScriptEditor) => T): T {
  return useStore(useScriptStore(), part);
}

/** Return true if the script on the page differs from the deployed version. */
export const isChanged = (editor: ScriptEditor): boolean =>
  editor.deployed === null || !isSameSource(editor, openedSource(editor.deployed, null));

/** Change the script on the page. */
export function edit(store: ScriptStore, change: Partial<ScriptSource>): void {
  store.setState(change);
  const { draft } = store.getState();
  if (draft.state !== "conflict") store.setState({ draft: { ...draft, state: "unsaved" } });
}

const sourceOf = ({ content, language, summary, labels }: ScriptSource): ScriptSource => ({
  content,
  language,
  summary,
  labels,
});

const DRAFTS: DraftStorage<ScriptEditor> = {
  isChanged,
  isSame: isSameSource,
  save: (editor) =>
    saveScriptDraft(
      editor.workspace,
      editor.path,
      sourceOf(editor),
      editor.deployed?.version_id ?? null,
      editor.draft.revision,
    ),
  discard: ({ workspace, path }) => discardScriptDraft(workspace, path),
};

/** Save the draft shortly after each change. */
export const useAutosave = (store: ScriptStore): void => useDraftSaver(store, DRAFTS);

/** Wait for the running save, then save unsaved changes of the script. */
export const saveScriptNow = (store: ScriptStore): Promise<void> => saveUnsavedNow(store, DRAFTS);

let stop: () => void = () => {};

/** Run the script on the page and follow its log and result. */
export async function runTest(store: ScriptStore, args: Tree): Promise<void> {
  const editor = store.getState();
  const code = isChanged(editor) ? { content: editor.content, language: editor.language } : null;
  const id = await startScript(editor.workspace, editor.path, args, code);
  stop();
  store.setState({
    testRun: {
      id,
      content: editor.content,
      status: "queued",
      connected: true,
      log: "",
      duration: null,
      result: undefined,
    },
  });
  const update = (change: (trial: TestRun) => Partial<TestRun>) => {
    const { testRun } = store.getState();
    if (testRun?.id === id) store.setState({ testRun: { ...testRun, ...change(testRun) } });
  };
  stop = follow(editor.workspace, id, {
    connected: (connected) => update(() => ({ connected })),
    status: ({ status, duration_ms }) => update(() => ({ status, duration: duration_ms ?? null })),
    log: (parts) =>
      update(({ log }) => ({ log: (log + parts.map((each) => each.text).join("")).slice(-MAX_LOG_LENGTH) })),
    end: (status) => {
      update(() => ({ status }));
      void fetchResult(editor.workspace, id)
        .then((result) => update(() => ({ result })))
        .catch(notifyError);
    },
  });
}

export const isTestRunning = (trial: TestRun | null): boolean => trial !== null && !ENDED.has(trial.status);
