import type { QueryClient } from "@tanstack/react-query";
import { getDraft } from "../api/drafts";
import { flowQuery } from "../api/flows";
import { versionQuery } from "../api/versions";
import { type Choice, findDifferences, mergeParts, type Part } from "../workflow/merge";
import { parseSource } from "../workflow/source";
import type { Json } from "../workflow/types";
import { apply, type EditorStore, replaceAll, textOf } from "./store";

/** What the page's text is to be merged with. */
export interface OtherSide {
  /** Whose it is, in words. */
  them: string;
  text: string;
  /** What both began from; null: nothing. */
  base: string | null;
  /** What the page's draft builds on once it is merged. */
  mergedBase: { revision: number | null; base: number | null };
}

const NOTHING: Json = { value: { modules: [] } };

/** What differs, part by part. Throws Unreadable for text that cannot be read. */
export function conflictingParts(store: EditorStore, { base, text }: OtherSide): Part[] {
  return findDifferences(base === null ? NOTHING : parseSource(base), store.getState().tree, parseSource(text));
}

/** The draft as another page has saved it. */
export async function otherDraft(store: EditorStore): Promise<OtherSide> {
  const { workspace, flow, deployed, base } = store.getState();
  const draft = await getDraft(workspace, flow.path);
  const after = { revision: draft?.revision ?? null, base };
  const begun = flow.version_id === null ? null : deployed;
  return { them: "the other page", text: draft?.text ?? deployed, base: begun, mergedBase: after };
}

/** The version that was deployed since the draft was begun. */
export async function otherVersion(store: EditorStore, queries: QueryClient): Promise<OtherSide> {
  const { workspace, flow, deployed, base, draft } = store.getState();
  const begun = base === null ? null : textOf(await queries.fetchQuery(versionQuery(workspace, base)));
  const after = { revision: draft.revision, base: flow.version_id };
  return { them: "the newest version", text: deployed, base: begun, mergedBase: after };
}

/** Puts what was chosen onto the page, as one change; its draft goes on from the other side. */
export function merge(
  store: EditorStore,
  other: OtherSide,
  parts: readonly Part[],
  choices: ReadonlyMap<string, Choice>,
): void {
  const theirs = parseSource(other.text);
  apply(store, (model) => ({
    ...mergeParts(model.tree, theirs, parts, choices),
    name: `Merge with ${other.them}`,
  }));
  keepMine(store, other);
}

/** The page's text stays as it is, over the other side. */
export function keepMine(store: EditorStore, { mergedBase }: Pick<OtherSide, "mergedBase">): void {
  store.setState({ base: mergedBase.base, draft: { revision: mergedBase.revision, state: "unsaved" } });
}

/** The other side in place of the page's text; undone as any other change. */
export function takeTheirs(store: EditorStore, other: OtherSide): void {
  replaceAll(store, other.text, `Take what is of ${other.them}`);
  keepMine(store, other);
}

/** Reads what is deployed now: somebody else has deployed over what the page began from. */
export async function refetchDeployed(store: EditorStore, queries: QueryClient): Promise<void> {
  const { workspace, flow } = store.getState();
  const newest = await queries.fetchQuery({ ...flowQuery(workspace, flow.path), staleTime: 0 });
  store.setState({ flow: newest, deployed: textOf(newest) });
}
