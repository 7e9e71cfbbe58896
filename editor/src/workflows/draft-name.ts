import { queryOptions } from "@tanstack/react-query";
import { type DraftHead, getDraft } from "../api/drafts";
import { at, text } from "../workflow/types";

/** Query of the name of a draft, which is in its text. */
export const draftNameQuery = (workspace: string, { path, seq }: DraftHead) =>
  queryOptions({
    queryKey: ["draft-name", workspace, path, seq],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => ({ path, name: await nameOf((await getDraft(workspace, path))?.text ?? "") }),
  });

async function nameOf(source: string): Promise<string> {
  // The list of workflows loads the parser only if there are drafts.
  const { parseSource } = await import("../workflow/source");
  try {
    return text(at(parseSource(source), ["summary"]));
  } catch {
    return "";
  }
}
