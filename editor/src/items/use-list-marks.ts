import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ItemKind } from "../api/changes";
import { setFavourite } from "../api/favourites";
import { notifyError } from "../ui/toasts";
import type { ListedItem } from "./listed-item";

/** Return the chosen items of a list, and functions that choose items and mark favourites. */
export function useListMarks(workspace: string, kind: ItemKind, items: readonly ListedItem[]) {
  const queries = useQueryClient();
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const starring = useMutation({
    mutationFn: ({ path, starred }: ListedItem) => setFavourite(workspace, kind, path, !starred),
    onError: notifyError,
    onSuccess: () => queries.invalidateQueries({ queryKey: [`${kind}s`, workspace] }),
  });
  // Items that a filter hides are not chosen.
  const chosen = new Set(items.map(({ path }) => path).filter((path) => marked.has(path)));
  return {
    chosen,
    choose: (path: string, on: boolean) => {
      const after = new Set(chosen);
      if (on) after.add(path);
      else after.delete(path);
      setMarked(after);
    },
    clear: () => setMarked(new Set()),
    star: (item: ListedItem) => starring.mutate(item),
  };
}
