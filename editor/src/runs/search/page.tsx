import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { ApiError } from "../../api/client";
import { foldersQuery } from "../../api/folders";
import { type FoundRun, foundQuery, turnSearchOn } from "../../api/run-search";
import { rememberWorkspace } from "../../lib/last-workspace";
import { Button, Input } from "../../ui/controls";
import { Empty, Failed, Skeleton } from "../../ui/states";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { notify, notifyError } from "../../ui/toasts";
import list from "../list/runs.module.css";
import css from "./search.module.css";

/** Finds runs by what they got and gave. What is looked for stands in the address. */
export function SearchPage() {
  const { workspace = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const text = search.get("q") ?? "";
  const [typed, setTyped] = useState(text);
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSearch(typed.trim() ? { q: typed.trim() } : {});
  };
  return (
    <main className={list.page}>
      <div className={list.head}>
        <h1>Search in run data</h1>
        <Link to={`/w/${workspace}/runs`}>All runs</Link>
      </div>
      <search>
        <form className={list.fields} onSubmit={submit}>
          <Input
            type="search"
            className={list.search}
            aria-label="Words in inputs and results"
            placeholder="An id, an address, a name"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <Button type="submit" look="main" icon="search">
            Search
          </Button>
        </form>
      </search>
      {text ? (
        <Results workspace={workspace} text={text} />
      ) : (
        <Empty title="Which run handled order 4711?">
          <p>Every word of what you write must stand in the inputs or results of a run that has ended.</p>
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
      <Empty title="No run has it">
        <p>A run is found about a minute after its end. A word is found whole, the last one also by its beginning.</p>
      </Empty>
    );
  }
  return (
    <>
      <ul className={css.found} aria-label="Runs found">
        {runs.map((run) => (
          <Found key={run.run_id} workspace={workspace} run={run} />
        ))}
      </ul>
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Older ones
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
      <Link to={page}>{run.path ?? "A preview"}</Link>
      <span className={css.soft}>
        {run.created_by}, <Time at={run.created_at} />
      </span>
      <ul className={css.places} aria-label="Where it stands">
        {run.found.map(({ node, kind }) => (
          <li key={`${node} ${kind}`}>
            <Link to={node ? `${page}?node=${encodeURIComponent(node)}` : `${page}?tab=data`}>
              {kind === "args" ? "input" : "result"} of {node ? <code>{node}</code> : "the run"}
            </Link>
          </li>
        ))}
      </ul>
    </li>
  );
}

/** It is not searched here; an admin may turn that on. */
function Off({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const places = useQuery(foldersQuery(workspace));
  const on = useMutation({
    mutationFn: () => turnSearchOn(workspace),
    onSuccess: () => {
      notify("Runs are indexed from the oldest on; that may take a while.");
      return queries.invalidateQueries({ queryKey: ["found-runs", workspace] });
    },
    onError: notifyError,
  });
  return (
    <Empty title="Run data is not searched in this workspace">
      <p>
        When it is on, the words of inputs and results are kept in an index, apart from secrets. It takes room, and ends
        with the runs themselves.
      </p>
      {places.data?.admin ? (
        <Button look="main" disabled={on.isPending} onClick={() => on.mutate()}>
          Turn it on
        </Button>
      ) : (
        <p>An admin of the workspace can turn it on.</p>
      )}
    </Empty>
  );
}
