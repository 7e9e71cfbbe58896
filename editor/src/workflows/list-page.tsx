import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Link, useParams } from "react-router";
import { draftsQuery } from "../api/drafts";
import { archiveFlow, flowsQuery } from "../api/flows";
import { rememberWorkspace } from "../lib/last-workspace";
import { Button, LinkButton } from "../ui/controls";
import css from "../ui/list.module.css";
import { type ListState, ListTools, moveFocusByRow, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Select } from "../ui/select";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import { useUrlParams } from "../ui/use-url-params";
import { type Item, itemName, listItems } from "./items";

const NewWorkflow = lazy(async () => ({ default: (await import("./new-workflow")).NewWorkflow }));

const ORDERS: readonly [SortOption<Item>, ...SortOption<Item>[]] = [
  { name: "edited", label: "Last changed first", before: (a, b) => b.edited_at.localeCompare(a.edited_at) },
  { name: "name", label: "By name", before: (a, b) => itemName(a).localeCompare(itemName(b)) },
  { name: "path", label: "By path", before: (a, b) => a.path.localeCompare(b.path) },
];

/** All workflows of a workspace: searched, sorted, walked by arrow keys; what is asked for is in the address. */
export function WorkflowsPage() {
  const { workspace = "" } = useParams();
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const [search, set] = useUrlParams();
  const archived = search.get("show") === "archived";
  const flows = useQuery(flowsQuery(workspace, archived));
  const drafts = useQuery(draftsQuery(workspace));
  const items = flows.data && drafts.data && listItems(flows.data, drafts.data, !archived);
  const found = useListTools(items, (item) => `${item.path} ${item.summary}`, ORDERS);
  const error = flows.error ?? drafts.error;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Workflows</h1>
        <ListTools what="workflows" found={found} />
        <Select aria-label="Which workflows" value={archived ? "archived" : ""} set={(next) => set("show", next)}>
          <option value="">Not archived</option>
          <option value="archived">Archived</option>
        </Select>
        <Button look="main" icon="plus" onClick={() => set("new", "1")}>
          New workflow
        </Button>
      </div>
      {search.has("new") && (
        <Suspense>
          <NewWorkflow workspace={workspace} close={() => set("new", "")} />
        </Suspense>
      )}
      {error && <Failed error={error} retry={() => void Promise.all([flows.refetch(), drafts.refetch()])} />}
      {!items && !error && <Skeleton />}
      {items && items.length === 0 && (
        <EmptyList archived={archived}>
          <Button look="main" icon="plus" onClick={() => set("new", "1")}>
            Make the first one
          </Button>
        </EmptyList>
      )}
      {items && items.length > 0 && <Rows workspace={workspace} found={found} />}
    </main>
  );
}

function EmptyList({ archived, children }: { archived: boolean; children: ReactNode }) {
  if (archived) {
    return (
      <Empty title="Nothing is archived">
        <p>What you archive on a workflow’s page stands here, with its versions, until you bring it back.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No workflow yet">
      <p>Begin with nothing or with one of the templates. It stays your draft until you deploy it.</p>
      {children}
      <p>
        Workflows kept as files come in with <code>orvanta flow push</code>. Those of others are shown once you may read
        their folder.
      </p>
    </Empty>
  );
}

function Rows({ workspace, found: { items, query } }: { workspace: string; found: ListState<Item> }) {
  if (items.length === 0) return <NoMatches what="workflows" wanted={query} />;
  return (
    <ul className={css.list} onKeyDown={moveFocusByRow}>
      {items.map((item) => (
        <li key={item.path} className={css.row}>
          <div className={css.name}>
            <Link to={`/w/${workspace}/workflows/${item.path}`}>{itemName(item)}</Link>
            <div className={css.path}>{item.path}</div>
          </div>
          <div className={css.when}>
            {item.draft && <Status status="draft" word={item.draft} />} <Time at={item.edited_at} />{" "}
            {item.edited_by ? `by ${item.edited_by}` : "by you"}
          </div>
          {item.archived ? (
            <RestoreButton workspace={workspace} path={item.path} />
          ) : (
            <LinkButton look="quiet" icon="play" to={`/w/${workspace}/workflows/${item.path}?panel=test`}>
              {item.deployed ? "Run" : "Test"}
            </LinkButton>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Brings an archived workflow back. */
function RestoreButton({ workspace, path }: { workspace: string; path: string }) {
  const queries = useQueryClient();
  const restoring = useMutation({
    mutationFn: () => archiveFlow(workspace, path, false),
    onError: notifyError,
    onSuccess: async () => {
      notify(`${path} is back.`);
      queries.removeQueries({ queryKey: ["flow", workspace, path] });
      await queries.invalidateQueries({ queryKey: ["flows", workspace] });
    },
  });
  return (
    <Button look="quiet" icon="undo" title={`Bring back ${path}`} onClick={() => restoring.mutate()}>
      Bring back
    </Button>
  );
}
