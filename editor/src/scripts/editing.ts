import { createContext, useContext, useEffect } from "react";
import { createStore, useStore } from "zustand";
import { ApiError } from "../api/client";
import { resultOf } from "../api/runs";
import {
  discardScriptDraft,
  type Script,
  type ScriptDraft,
  saveScriptDraft,
  startScript,
  type Written,
} from "../api/scripts";
import { follow } from "../api/stream";
import { later } from "../lib/later";
import { ENDED } from "../lib/state";
import { complain } from "../ui/toasts";
import type { Json, Tree } from "../workflow/types";

/** A run of the script on the page: its log as it is written, then what it gave. */
export interface Trial {
  id: string;
  /** The code that runs. */
  content: string;
  status: string;
  heard: boolean;
  log: string;
  took: number | null;
  result: Json | undefined;
}

export interface ScriptEditor extends Written {
  workspace: string;
  path: string;
  /** What is deployed; null of a script that never was. */
  deployed: Script | null;
  draft: { revision: number | null; state: "none" | "unsaved" | "saving" | "saved" | "conflict" };
  trial: Trial | null;
}

export type ScriptStore = ReturnType<typeof createScriptEditor>;

const SAVE_MS = 1000;
const AGAIN_MS = 4000;
const LONGEST_LOG = 500_000;

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
    trial: null,
  }));
}

export const ScriptContext = createContext<ScriptStore | null>(null);

export function useScriptStore(): ScriptStore {
  const store = useContext(ScriptContext);
  if (!store) throw new Error("This stands on a script's page only.");
  return store;
}

export function useScript<T>(part: (editor: ScriptEditor) => T): T {
  return useStore(useScriptStore(), part);
}

/** Whether what is on the page is not what runs by the path. */
export const differs = ({ deployed, content, summary, language }: ScriptEditor): boolean =>
  deployed === null ||
  content !== deployed.content ||
  summary !== (deployed.summary ?? "") ||
  language !== deployed.language;

/** Writes on the page. */
export function write(store: ScriptStore, change: Partial<Written>): void {
  store.setState(change);
  const { draft } = store.getState();
  if (draft.state !== "conflict") store.setState({ draft: { ...draft, state: "unsaved" } });
}

/** Saves the draft a moment after the last change, and again until the server has it. */
export function useSavingScript(store: ScriptStore): void {
  useEffect(() => {
    const save = later(SAVE_MS, () => saveNow(store, () => save.soon(AGAIN_MS)));
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

const wordsOf = ({ content, language, summary }: Written): Written => ({ content, language, summary });
const same = (a: Written, b: Written) => JSON.stringify(wordsOf(a)) === JSON.stringify(wordsOf(b));

async function saveNow(store: ScriptStore, again: () => void): Promise<void> {
  const editor = store.getState();
  const { workspace, path, deployed, draft } = editor;
  if (draft.state !== "unsaved") return;
  store.setState({ draft: { ...draft, state: "saving" } });
  try {
    let revision: number | null = null;
    if (differs(editor)) {
      revision = await saveScriptDraft(workspace, path, wordsOf(editor), deployed?.version_id ?? null, draft.revision);
    } else if (draft.revision !== null) await discardScriptDraft(workspace, path);
    if (store.getState().draft.state === "none") return;
    const state = same(store.getState(), editor) ? (revision === null ? "none" : "saved") : "unsaved";
    store.setState({ draft: { revision, state } });
    if (state === "unsaved") again();
  } catch (error) {
    const conflict = error instanceof ApiError && error.code === "draft_conflict";
    store.setState({ draft: { revision: draft.revision, state: conflict ? "conflict" : "unsaved" } });
    if (conflict) return;
    if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 401) complain(error);
    else again();
  }
}

let stop: () => void = () => {};

/** Runs what is on the page and follows it: its log as it is written, then its result. */
export async function tryOut(store: ScriptStore, args: Tree): Promise<void> {
  const editor = store.getState();
  const code = differs(editor) ? { content: editor.content, language: editor.language } : null;
  const id = await startScript(editor.workspace, editor.path, args, code);
  stop();
  store.setState({
    trial: { id, content: editor.content, status: "queued", heard: true, log: "", took: null, result: undefined },
  });
  const update = (change: (trial: Trial) => Partial<Trial>) => {
    const { trial } = store.getState();
    if (trial?.id === id) store.setState({ trial: { ...trial, ...change(trial) } });
  };
  stop = follow(editor.workspace, id, {
    heard: (heard) => update(() => ({ heard })),
    status: ({ status, duration_ms }) => update(() => ({ status, took: duration_ms ?? null })),
    log: (parts) => update(({ log }) => ({ log: (log + parts.map((each) => each.text).join("")).slice(-LONGEST_LOG) })),
    end: (status) => {
      update(() => ({ status }));
      void resultOf(editor.workspace, id)
        .then((result) => update(() => ({ result })))
        .catch(complain);
    },
  });
}

export const isTrying = (trial: Trial | null): boolean => trial !== null && !ENDED.has(trial.status);
