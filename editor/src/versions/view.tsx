import { useInfiniteQuery } from "@tanstack/react-query";
import { type Side, type Version, versionsQuery } from "../api/versions";
import { useEditor } from "../editor/context";
import { isChanged } from "../editor/store";
import { useSearchParams } from "../routing/hooks";
import { t } from "../texts/versions";
import { Button } from "../ui/controls";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Comparison } from "./comparison";
import { EarlierRuns } from "./earlier-runs";
import { History } from "./history";
import { previousVersion, type Sides } from "./naming";
import css from "./versions.module.css";

/** Versions of a workflow, and a comparison of two of them. The compared versions are in the address. */
export default function VersionsView() {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const fresh = useEditor((editor) => editor.flow.version_id === null);
  const drafted = useEditor(isChanged);
  const [search, setSearch] = useSearchParams();
  const pages = useInfiniteQuery({ ...versionsQuery(workspace, path), enabled: !fresh });
  if (fresh) {
    return (
      <Empty title={t("versions.none")}>
        <p>{t("versions.noneHint")}</p>
      </Empty>
    );
  }
  if (pages.isPending) return <Skeleton rows={6} />;
  if (!pages.data) return <Failed error={pages.error} retry={() => void pages.refetch()} />;
  const versions = pages.data.pages.flat();
  const sides = chosen(search, versions, drafted);
  const set = (before: Side | null, after: Side) => {
    const next = new URLSearchParams(search);
    if (before === null) next.delete("before");
    else next.set("before", String(before));
    next.set("after", String(after));
    setSearch(next, { replace: true });
  };
  return (
    <div className={css.view}>
      <History
        versions={versions}
        drafted={drafted}
        sides={sides}
        set={set}
        top={<EarlierRuns workspace={workspace} path={path} />}
      >
        {pages.hasNextPage && (
          <Button disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t("versions.older")}
          </Button>
        )}
      </History>
      {sides && <Comparison versions={versions} drafted={drafted} sides={sides} set={set} />}
    </div>
  );
}

/** The sides named by the address, by default the last change. */
function chosen(search: URLSearchParams, versions: Version[], drafted: boolean): Sides | null {
  const known = (name: string): Side | null => {
    const text = search.get(name);
    if (text === "draft") return drafted ? "draft" : null;
    return text && /^\d+$/.test(text) ? Number(text) : null;
  };
  const after = known("after") ?? (drafted ? "draft" : versions[0]?.id);
  if (after === undefined) return null;
  return { after, before: known("before") ?? previousVersion(after, versions) };
}
