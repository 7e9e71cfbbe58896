import type { QueryClient } from "@tanstack/react-query";
import { getDraft } from "../api/drafts";
import { flowQuery } from "../api/flows";
import { versionQuery } from "../api/versions";
import { type Choice, merged, type Part, partsOf } from "../workflow/merge";
import { read } from "../workflow/source";
import type { Json } from "../workflow/types";
import { apply, type EditorStore, replaceAll, textOf } from "./store";

/** What the page's text is to be merged with. */
export interface Other {
  /** Whose it is, in words. */
  them: string;
  text: string;
  /** What both began from; null: nothing. */
  base: string | null;
  /** What the page's draft builds on once it is merged. */
  after: { revision: number | null; base: number | null };
}

const NOTHING: Json = { value: { modules: [] } };

/** What differs, part by part. Throws Unreadable for text that cannot be read. */
export function differing(store: EditorStore, { base, text }: Other): Part[] {
  return partsOf(base === null ? NOTHING : read(base), store.getState().tree, read(text));
}

/** The draft as another page has saved it. */
export async function otherDraft(store: EditorStore): Promise<Other> {
  const { workspace, flow, deployed, base } = store.getState();
  const draft = await getDraft(workspace, flow.path);
  const after = { revision: draft?.revision ?? null, base };
  const begun = flow.version_id === null ? null : deployed;
  return { them: "the other page", text: draft?.text ?? deployed, base: begun, after };
}

/** The version that was deployed since the draft was begun. */
export async function otherVersion(store: EditorStore, queries: QueryClient): Promise<Other> {
  const { workspace, flow, deployed, base, draft } = store.getState();
  const begun = base === null ? null : textOf(await queries.fetchQuery(versionQuery(workspace, base)));
  const after = { revision: draft.revision, base: flow.version_id };
  return { them: "the newest version", text: deployed, base: begun, after };
}

/** Puts what was chosen onto the page, as one change; its draft goes on from the other side. */
export function merge(
  store: EditorStore,
  other: Other,
  parts: readonly Part[],
  choices: ReadonlyMap<string, Choice>,
): void {
  const theirs = read(other.text);
  apply(store, (model) => ({
    ...merged(model.tree, theirs, parts, choices),
    name: `Merge with ${other.them}`,
  }));
  goOn(store, other);
}

/** The page's text stays as it is, over the other side. */
export function goOn(store: EditorStore, { after }: Pick<Other, "after">): void {
  store.setState({ base: after.base, draft: { revision: after.revision, state: "unsaved" } });
}

/** The other side in place of the page's text; undone as any other change. */
export function take(store: EditorStore, other: Other): void {
  replaceAll(store, other.text, `Take what is of ${other.them}`);
  goOn(store, other);
}

/** Reads what is deployed now: somebody else has deployed over what the page began from. */
export async function lookAgain(store: EditorStore, queries: QueryClient): Promise<void> {
  const { workspace, flow } = store.getState();
  const newest = await queries.fetchQuery({ ...flowQuery(workspace, flow.path), staleTime: 0 });
  store.setState({ flow: newest, deployed: textOf(newest) });
}
