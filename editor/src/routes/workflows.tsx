import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Link, useParams } from "react-router";
import { draftsQuery } from "../api/drafts";
import { archiveFlow, flowsQuery } from "../api/flows";
import { type Item, itemsOf, nameOf } from "../home/items";
import { Status } from "../runs/status";
import { Button, LinkButton } from "../ui/controls";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { complain, say } from "../ui/toasts";
import { useListAddress } from "./address";
import { Finding, type Found, NothingFound, type Order, useFound, walkRows } from "./finding";
import css from "./list.module.css";
import { rememberWorkspace } from "./shell";

const NewWorkflow = lazy(async () => ({ default: (await import("../home/new-workflow")).NewWorkflow }));

const ORDERS: readonly [Order<Item>, ...Order<Item>[]] = [
  { name: "edited", says: "Last changed first", before: (a, b) => b.edited_at.localeCompare(a.edited_at) },
  { name: "name", says: "By name", before: (a, b) => nameOf(a).localeCompare(nameOf(b)) },
  { name: "path", says: "By path", before: (a, b) => a.path.localeCompare(b.path) },
];

/** All workflows of a workspace: searched, sorted, walked by arrow keys; what is asked for is in the address. */
export function WorkflowsPage() {
  const { workspace = "" } = useParams();
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const [search, set] = useListAddress();
  const archived = search.get("show") === "archived";
  const flows = useQuery(flowsQuery(workspace, archived));
  const drafts = useQuery(draftsQuery(workspace));
  const items = flows.data && drafts.data && itemsOf(flows.data, drafts.data, !archived);
  const found = useFound(items, (item) => `${item.path} ${item.summary}`, ORDERS);
  const error = flows.error ?? drafts.error;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Workflows</h1>
        <Finding what="workflows" found={found} />
        <select
          className={css.sort}
          aria-label="Which workflows"
          value={archived ? "archived" : ""}
          onChange={(event) => set("show", event.target.value)}
        >
          <option value="">Not archived</option>
          <option value="archived">Archived</option>
        </select>
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
        <None archived={archived}>
          <Button look="main" icon="plus" onClick={() => set("new", "1")}>
            Make the first one
          </Button>
        </None>
      )}
      {items && items.length > 0 && <Rows workspace={workspace} found={found} />}
    </main>
  );
}

function None({ archived, children }: { archived: boolean; children: ReactNode }) {
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

function Rows({ workspace, found: { shown, wanted } }: { workspace: string; found: Found<Item> }) {
  if (shown.length === 0) return <NothingFound what="workflow" wanted={wanted} where="in its name or path" />;
  return (
    <ul className={css.list} onKeyDown={walkRows}>
      {shown.map((item) => (
        <li key={item.path} className={css.row}>
          <div className={css.name}>
            <Link to={`/w/${workspace}/workflows/${item.path}`}>{nameOf(item)}</Link>
            <div className={css.path}>{item.path}</div>
          </div>
          <div className={css.when}>
            {item.draft && <Status status="draft" word={item.draft} />} <Time at={item.edited_at} />{" "}
            {item.edited_by ? `by ${item.edited_by}` : "by you"}
          </div>
          {item.archived ? (
            <Back workspace={workspace} path={item.path} />
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
function Back({ workspace, path }: { workspace: string; path: string }) {
  const queries = useQueryClient();
  const bringing = useMutation({
    mutationFn: () => archiveFlow(workspace, path, false),
    onError: complain,
    onSuccess: async () => {
      say(`${path} is back.`);
      queries.removeQueries({ queryKey: ["flow", workspace, path] });
      await queries.invalidateQueries({ queryKey: ["flows", workspace] });
    },
  });
  return (
    <Button look="quiet" icon="undo" title={`Bring back ${path}`} onClick={() => bringing.mutate()}>
      Bring back
    </Button>
  );
}
