import { useQueryClient } from "@tanstack/react-query";
import { attempt } from "../actions/registry";
import { type Version, versionQuery } from "../api/versions";
import { useEditorStore } from "../editor/context";
import { replaceAll, textOf } from "../editor/store";
import { useSearchParams } from "../routing/hooks";
import { t } from "../texts/versions";
import { notify } from "../ui/toasts";

/** Return a function that restores an old version as a draft, which can be undone, and shows its graph. */
export function useRestore(): (version: Version) => void {
  const store = useEditorStore();
  const queries = useQueryClient();
  const [, setSearch] = useSearchParams();
  return ({ id, number }) =>
    attempt(async () => {
      const { workspace, text: current } = store.getState();
      const text = textOf(await queries.fetchQuery(versionQuery(workspace, id)));
      if (text === current) return notify(t("versions.sameAsDraft", { number }));
      replaceAll(store, text, t("versions.restoreVersion", { number }));
      setSearch({});
      notify(t("versions.restored", { number }));
    });
}
