import type { QueryClient } from "@tanstack/react-query";
import { getDraft } from "../api/drafts";
import { flowQuery } from "../api/flows";
import { versionQuery } from "../api/versions";
import { t } from "../texts/editor";
import { type Choice, findDifferences, mergeParts, type Part } from "../workflow/merge";
import { parseSource } from "../workflow/source";
import type { Json } from "../workflow/types";
import { apply, type EditorStore, replaceAll, textOf } from "./store";

/** Other side of a conflict, to merge with the text of the page. */
export interface OtherSide {
  /** Name of the side, as used in "Merge with …". */
  them: string;
  text: string;
  /** Common base of both sides; null if there is none. */
  base: string | null;
  /** Revision and version that the draft of the page is based on after the merge. */
  mergedBase: { revision: number | null; base: number | null };
}

const NOTHING: Json = { value: { modules: [] } };

/** Return the parts that differ. Throws ParseError for invalid text. */
export function conflictingParts(store: EditorStore, { base, text }: OtherSide): Part[] {
  return findDifferences(base === null ? NOTHING : parseSource(base), store.getState().tree, parseSource(text));
}

/** Fetch the draft as another page saved it. */
export async function otherDraft(store: EditorStore): Promise<OtherSide> {
  const { workspace, flow, deployed, base } = store.getState();
  const draft = await getDraft(workspace, flow.path);
  const after = { revision: draft?.revision ?? null, base };
  const begun = flow.version_id === null ? null : deployed;
  return { them: t("editor.otherPage"), text: draft?.text ?? deployed, base: begun, mergedBase: after };
}

/** Return the version that was deployed after the draft was created. */
export async function otherVersion(store: EditorStore, queries: QueryClient): Promise<OtherSide> {
  const { workspace, flow, deployed, base, draft } = store.getState();
  const begun = base === null ? null : textOf(await queries.fetchQuery(versionQuery(workspace, base)));
  const after = { revision: draft.revision, base: flow.version_id };
  return { them: t("editor.newestVersion"), text: deployed, base: begun, mergedBase: after };
}

/** Apply the chosen parts to the page, as one change. The draft is then based on the other side. */
export function merge(
  store: EditorStore,
  other: OtherSide,
  parts: readonly Part[],
  choices: ReadonlyMap<string, Choice>,
): void {
  const theirs = parseSource(other.text);
  apply(store, (model) => ({
    ...mergeParts(model.tree, theirs, parts, choices),
    name: t("editor.mergeWith", { them: other.them }),
  }));
  keepMine(store, other);
}

/** Keep the text of the page. The draft is then based on the other side. */
export function keepMine(store: EditorStore, { mergedBase }: Pick<OtherSide, "mergedBase">): void {
  store.setState({ base: mergedBase.base, draft: { revision: mergedBase.revision, state: "unsaved" } });
}

/** Replace the text of the page with the other side. Undo restores it. */
export function takeTheirs(store: EditorStore, other: OtherSide): void {
  replaceAll(store, other.text, t("editor.replaceWith", { them: other.them }));
  keepMine(store, other);
}

/** Fetch the deployed version, after another user has deployed a newer one. */
export async function refetchDeployed(store: EditorStore, queries: QueryClient): Promise<void> {
  const { workspace, flow } = store.getState();
  const newest = await queries.fetchQuery({ ...flowQuery(workspace, flow.path), staleTime: 0 });
  store.setState({ flow: newest, deployed: textOf(newest) });
}
