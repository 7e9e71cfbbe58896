import { createContext, useContext, useEffect } from "react";
import { createStore, useStore } from "zustand";
import { ApiError } from "../api/client";
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
import { debounce } from "../lib/debounce";
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
  draft: { revision: number | null; state: "none" | "unsaved" | "saving" | "saved" | "conflict" };
  testRun: TestRun | null;
}

export type ScriptStore = ReturnType<typeof createScriptEditor>;

const SAVE_MS = 1000;
const RETRY_MS = 4000;
const MAX_LOG_LENGTH = 500_000;

/** The state of one script's page. */
export function createScriptEditor(
  workspace: string,
  path: string,
  deployed: Script | null,
  draft: ScriptDraft | null,
) {
  const { content = "", language = "", summary = "" } = draft ?? deployed ?? {};
  return createStore<ScriptEditor>(() => ({
    workspace,
    path,
    deployed,
    content,
    language,
    summary,
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
export const isChanged = ({ deployed, content, summary, language }: ScriptEditor): boolean =>
  deployed === null ||
  content !== deployed.content ||
  summary !== (deployed.summary ?? "") ||
  language !== deployed.language;

/** Change the script on the page. */
export function edit(store: ScriptStore, change: Partial<ScriptSource>): void {
  store.setState(change);
  const { draft } = store.getState();
  if (draft.state !== "conflict") store.setState({ draft: { ...draft, state: "unsaved" } });
}

/** Save the draft a second after the last change, and retry until the server has stored it. */
export function useAutosave(store: ScriptStore): void {
  useEffect(() => {
    const save = debounce(SAVE_MS, () => saveNow(store, () => save.soon(RETRY_MS)));
    const stop = store.subscribe((now, before) => {
      const wrote =
        now.content !== before.content || now.summary !== before.summary || now.language !== before.language;
      if (now.draft.state === "unsaved" && (wrote || before.draft.state !== "unsaved")) save.soon();
    });
    const warn = (event: BeforeUnloadEvent) => {
      if (["unsaved", "saving", "conflict"].includes(store.getState().draft.state)) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => {
      stop();
      save.flush();
      window.removeEventListener("beforeunload", warn);
    };
  }, [store]);
}

const sourceOf = ({ content, language, summary }: ScriptSource): ScriptSource => ({ content, language, summary });
const isSameSource = (a: ScriptSource, b: ScriptSource) => JSON.stringify(sourceOf(a)) === JSON.stringify(sourceOf(b));

const saves = new WeakMap<ScriptStore, Promise<void>>();

/** Save unsaved changes as soon as an earlier save has ended. */
function saveNow(store: ScriptStore, again: () => void): Promise<void> {
  const save = (saves.get(store) ?? Promise.resolve()).then(() => saveUnsaved(store, again));
  saves.set(store, save);
  return save;
}

/** Wait for the running save, then save unsaved changes. A save that arrives after a deployment would restore a draft. */
export async function saveScriptNow(store: ScriptStore): Promise<void> {
  await saveNow(store, () => {});
}

async function saveUnsaved(store: ScriptStore, again: () => void): Promise<void> {
  const editor = store.getState();
  const { workspace, path, deployed, draft } = editor;
  if (draft.state !== "unsaved") return;
  store.setState({ draft: { ...draft, state: "saving" } });
  try {
    let revision: number | null = null;
    if (isChanged(editor)) {
      revision = await saveScriptDraft(workspace, path, sourceOf(editor), deployed?.version_id ?? null, draft.revision);
    } else if (draft.revision !== null) await discardScriptDraft(workspace, path);
    if (store.getState().draft.state === "none") return;
    const state = isSameSource(store.getState(), editor) ? (revision === null ? "none" : "saved") : "unsaved";
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
