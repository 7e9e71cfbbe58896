import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { Link, useParams } from "react-router";
import { draftsQuery } from "../api/drafts";
import { flowsQuery } from "../api/flows";
import { type Item, itemsOf, nameOf } from "../home/items";
import { Status } from "../runs/status";
import { Button, Input, LinkButton } from "../ui/controls";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { useListAddress } from "./address";
import css from "./list.module.css";
import { rememberWorkspace } from "./shell";

const NewWorkflow = lazy(async () => ({ default: (await import("../home/new-workflow")).NewWorkflow }));
type Sort = "edited" | "name" | "path";

const ORDERS: Record<Sort, (a: Item, b: Item) => number> = {
  edited: (a, b) => b.edited_at.localeCompare(a.edited_at),
  name: (a, b) => nameOf(a).localeCompare(nameOf(b)),
  path: (a, b) => a.path.localeCompare(b.path),
};

/** All workflows of a workspace: searched, sorted, walked by arrow keys; search and order are in the address. */
export function WorkflowsPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useListAddress();
  const flows = useQuery(flowsQuery(workspace));
  const drafts = useQuery(draftsQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const wanted = search.get("q") ?? "";
  const sort = (search.get("sort") ?? "edited") as Sort;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Workflows</h1>
        <Input
          className={css.search}
          type="search"
          aria-label="Search workflows"
          placeholder="Search"
          value={wanted}
          onChange={(event) => set("q", event.target.value)}
        />
        <select
          className={css.sort}
          aria-label="Sort by"
          value={sort}
          onChange={(event) => set("sort", event.target.value)}
        >
          <option value="edited">Last changed first</option>
          <option value="name">By name</option>
          <option value="path">By path</option>
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
      {flows.isPending && <Skeleton />}
      {flows.error && <Failed error={flows.error} retry={() => void flows.refetch()} />}
      {flows.data && (
        <Flows workspace={workspace} items={itemsOf(flows.data, drafts.data ?? [])} {...{ wanted, sort }}>
          <Button look="main" icon="plus" onClick={() => set("new", "1")}>
            Make the first one
          </Button>
        </Flows>
      )}
    </main>
  );
}

interface FlowsProps {
  workspace: string;
  items: Item[];
  wanted: string;
  sort: Sort;
  children: ReactNode;
}

function Flows({ workspace, items, wanted, sort, children }: FlowsProps) {
  const list = useRef<HTMLUListElement>(null);
  const words = wanted.toLowerCase().split(/\s+/);
  const shown = items
    .filter((item) => words.every((word) => `${item.path} ${item.summary}`.toLowerCase().includes(word)))
    .sort(ORDERS[sort] ?? ORDERS.edited);
  if (items.length === 0) {
    return (
      <Empty title="No workflow yet">
        <p>Begin with nothing or with one of the templates. It stays your draft until you deploy it.</p>
        {children}
        <p>
          Workflows kept as files come in with <code>orvanta flow push</code>. Those of others are shown once you may
          read their folder.
        </p>
      </Empty>
    );
  }
  return (
    <>
      {shown.length === 0 && (
        <Empty title="Nothing matches">
          <p>No workflow has “{wanted}” in its name or path.</p>
        </Empty>
      )}
      {shown.length > 0 && (
        <ul className={css.list} ref={list} onKeyDown={walk}>
          {shown.map((item) => (
            <li key={item.path} className={css.row}>
              <div className={css.name}>
                <Link to={`/w/${workspace}/workflows/${item.path}`}>{nameOf(item)}</Link>
                <div className={css.path}>{item.path}</div>
              </div>
              <div className={css.when}>
                {item.draft && <Status status="draft" word={item.deployed ? "draft" : "draft, not deployed"} />}{" "}
                <Time at={item.edited_at} /> {item.edited_by ? `by ${item.edited_by}` : "by you"}
              </div>
              <LinkButton look="quiet" icon="play" to={`/w/${workspace}/workflows/${item.path}?panel=test`}>
                {item.deployed ? "Run" : "Test"}
              </LinkButton>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Arrow keys go from name to name. */
function walk(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>(`.${css.name} a`)];
  const row = (event.target as HTMLElement).closest("li");
  const place = links.findIndex((link) => row?.contains(link));
  links[Math.min(Math.max(place + step, 0), links.length - 1)]?.focus();
  event.preventDefault();
}
