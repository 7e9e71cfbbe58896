import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { foldersQuery } from "../../api/folders";
import { type FoundRun, foundQuery, turnSearchOn } from "../../api/run-search";
import { ItemLink } from "../../kinds/item-link";
import { ApiError } from "../../lib/api-error";
import { useParams, useSearchParams } from "../../routing/hooks";
import { Link } from "../../routing/link";
import { t, tWith } from "../../texts/runs";
import { Button, Input } from "../../ui/controls";
import { Empty, Failed, Skeleton } from "../../ui/states";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { notify, notifyError } from "../../ui/toasts";
import list from "../list/runs.module.css";
import css from "./search.module.css";

/** Page to find runs by their inputs and results. The query is in the address. */
export function SearchPage() {
  const { workspace = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const text = search.get("q") ?? "";
  const [typed, setTyped] = useState(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSearch(typed.trim() ? { q: typed.trim() } : {});
  };
  return (
    <main className={list.page}>
      <div className={list.head}>
        <h1>{t("runs.searchData")}</h1>
        <Link to={`/w/${workspace}/runs`}>{t("runs.allRuns")}</Link>
      </div>
      <search>
        <form className={list.fields} onSubmit={submit}>
          <Input
            type="search"
            className={list.search}
            aria-label={t("runs.searchWords")}
            placeholder={t("runs.searchPlaceholder")}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <Button type="submit" look="main" icon="search">
            {t("ui.search")}
          </Button>
        </form>
      </search>
      {text ? (
        <Results workspace={workspace} text={text} />
      ) : (
        <Empty title={t("runs.searchIntro")}>
          <p>{t("runs.searchIntroHint")}</p>
        </Empty>
      )}
    </main>
  );
}

function Results({ workspace, text }: { workspace: string; text: string }) {
  const found = useInfiniteQuery(foundQuery(workspace, text));
  if (found.error instanceof ApiError && found.error.status === 409) return <Off workspace={workspace} />;
  if (found.error) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton />;
  const runs = found.data.pages.flatMap((page) => page.runs);
  if (runs.length === 0 && !found.hasNextPage) {
    return (
      <Empty title={t("runs.noRunsFound")}>
        <p>{t("runs.noRunsFoundHint")}</p>
      </Empty>
    );
  }
  return (
    <>
      <ul className={css.found} aria-label={t("runs.runsFound")}>
        {runs.map((run) => (
          <Found key={run.run_id} workspace={workspace} run={run} />
        ))}
      </ul>
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {t("runs.loadOlder")}
        </Button>
      )}
    </>
  );
}

function Found({ workspace, run }: { workspace: string; run: FoundRun }) {
  const page = `/w/${workspace}/runs/${run.run_id}`;
  return (
    <li className={css.run}>
      <Status status={run.status} />
      {run.path ? (
        <ItemLink workspace={workspace} path={run.path} to={page} />
      ) : (
        <Link to={page}>{t("runs.preview")}</Link>
      )}
      <span className={css.soft}>
        {run.created_by}, <Time at={run.created_at} />
      </span>
      <ul className={css.places} aria-label={t("runs.matches")}>
        {run.found.map(({ node, kind }) => (
          <li key={`${node} ${kind}`}>
            <Link to={node ? `${page}?node=${encodeURIComponent(node)}` : `${page}?tab=data`}>
              {node
                ? tWith(kind === "args" ? "runs.inputOf" : "runs.resultOf", { node: <code key="node">{node}</code> })
                : t(kind === "args" ? "runs.inputOfRun" : "runs.resultOfRun")}
            </Link>
          </li>
        ))}
      </ul>
    </li>
  );
}

/** Empty state of a workspace without search, with a button for admins. */
function Off({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const places = useQuery(foldersQuery(workspace));
  const on = useMutation({
    mutationFn: () => turnSearchOn(workspace),
    onSuccess: () => {
      notify(t("runs.searchTurnedOn"));
      return queries.invalidateQueries({ queryKey: ["found-runs", workspace] });
    },
    onError: notifyError,
  });
  return (
    <Empty title={t("runs.searchOff")}>
      <p>{t("runs.searchOffHint")}</p>
      {places.data?.admin && (
        <Button look="main" disabled={on.isPending} onClick={() => on.mutate()}>
          {t("runs.turnSearchOn")}
        </Button>
      )}
      {places.data?.admin === false && <p>{t("runs.searchAskAdmin")}</p>}
    </Empty>
  );
}
