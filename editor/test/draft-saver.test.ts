import { expect, test } from "vitest";
import { createStore } from "zustand";
import { type DraftState, type DraftStorage, saveUnsavedNow } from "../src/editor/draft-saver";
import { ApiError } from "../src/lib/api-error";

interface Page {
  text: string;
  draft: DraftState;
}

const opened = (text: string, revision: number | null = null) =>
  createStore<Page>(() => ({ text, draft: { revision, state: "unsaved" } }));

/** Storage of drafts that differ from the deployed text "old". `save` returns the next revision. */
const storage = (save: (page: Page) => Promise<number>, discarded: string[] = []): DraftStorage<Page> => ({
  isChanged: ({ text }) => text !== "old",
  isSame: (one, other) => one.text === other.text,
  save,
  discard: async ({ text }) => void discarded.push(text),
});

test("changes during a save are saved next, on its revision", async () => {
  const store = opened("a");
  const saved: [string, number | null][] = [];
  const drafts = storage(async ({ text, draft }) => {
    saved.push([text, draft.revision]);
    if (text === "a") store.setState({ text: "b" });
    return saved.length;
  });
  await saveUnsavedNow(store, drafts);
  expect(store.getState().draft).toEqual({ revision: 1, state: "unsaved" });
  await saveUnsavedNow(store, drafts);
  expect(store.getState().draft).toEqual({ revision: 2, state: "saved" });
  expect(saved).toEqual([
    ["a", null],
    ["b", 1],
  ]);
});

test("a save waits for the running one", async () => {
  const store = opened("a");
  const saved: string[] = [];
  let running = 0;
  const drafts = storage(async ({ text }) => {
    running += 1;
    saved.push(`${text} ${running}`);
    if (text === "a") store.setState({ text: "b", draft: { revision: null, state: "unsaved" } });
    await Promise.resolve();
    running -= 1;
    return saved.length;
  });
  await Promise.all([saveUnsavedNow(store, drafts), saveUnsavedNow(store, drafts)]);
  expect(saved).toEqual(["a 1", "b 1"]);
  expect(store.getState().draft).toEqual({ revision: 2, state: "saved" });
});

test("a deployment during a save leaves no draft", async () => {
  const store = opened("a");
  const drafts = storage(async () => {
    store.setState({ draft: { revision: null, state: "none" } });
    return 1;
  });
  await saveUnsavedNow(store, drafts);
  expect(store.getState().draft).toEqual({ revision: null, state: "none" });
});

test("the draft of an unchanged text is deleted", async () => {
  const store = opened("old", 3);
  const discarded: string[] = [];
  await saveUnsavedNow(
    store,
    storage(() => Promise.reject(new Error("not saved")), discarded),
  );
  expect([store.getState().draft, discarded]).toEqual([{ revision: null, state: "none" }, ["old"]]);
});

test.each([
  [new ApiError(409, "draft_conflict", "Another page saved the draft.", null, null), "conflict"],
  [new ApiError(403, "forbidden", "You may only read it.", null, null), "refused"],
  [new Error("no connection"), "unsaved"],
])("after the error %s the draft is %s", async (error, state) => {
  const store = opened("a", 3);
  await saveUnsavedNow(
    store,
    storage(() => Promise.reject(error)),
  );
  expect(store.getState().draft).toEqual({ revision: 3, state });
});
