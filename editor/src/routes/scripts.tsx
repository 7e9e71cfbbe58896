import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useState } from "react";
import { Link, useParams } from "react-router";
import { type ScriptItem, scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { Status } from "../runs/status";
import { NewScript } from "../scripts/new";
import { Button, Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { kindOf } from "../workflow/kinds";
import { useListAddress } from "./address";
import css from "./list.module.css";
import { rememberWorkspace } from "./shell";

type Sort = "edited" | "name" | "path";

/** A line of the list: what is deployed, or a draft that never was. */
interface Item {
  path: string;
  summary: string;
  language: string;
  at: string;
  by: string;
  deployed: boolean;
  draft: boolean;
}

const nameOf = (item: Item) => item.summary || item.path.split("/").slice(2).join("/");

const ORDERS: Record<Sort, (a: Item, b: Item) => number> = {
  edited: (a, b) => b.at.localeCompare(a.at),
  name: (a, b) => nameOf(a).localeCompare(nameOf(b)),
  path: (a, b) => a.path.localeCompare(b.path),
};

/** All scripts of a workspace: searched, sorted, walked by arrow keys; search and order are in the address. */
export function ScriptsPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useListAddress();
  const [making, setMaking] = useState(false);
  const scripts = useQuery(scriptsQuery(workspace));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const wanted = search.get("q") ?? "";
  const sort = (search.get("sort") ?? "edited") as Sort;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Scripts</h1>
        <Input
          className={css.search}
          type="search"
          aria-label="Search scripts"
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
        <Button look="main" icon="plus" onClick={() => setMaking(true)}>
          New script
        </Button>
      </div>
      {scripts.isPending && <Skeleton />}
      {scripts.error && <Failed error={scripts.error} retry={() => void scripts.refetch()} />}
      {scripts.data && (
        <Rows workspace={workspace} items={itemsOf(scripts.data, drafts.data ?? [])} wanted={wanted} sort={sort} />
      )}
      {making && <NewScript workspace={workspace} close={() => setMaking(false)} />}
    </main>
  );
}

/** One line per path. */
function itemsOf(scripts: readonly ScriptItem[], drafts: readonly { path: string; edited_at: string }[]): Item[] {
  const drafted = new Set(drafts.map((each) => each.path));
  const deployed = new Set(scripts.map((each) => each.path));
  return [
    ...scripts.map(({ path, summary, language, created_at, created_by }) => {
      return { path, summary, language, at: created_at, by: created_by, deployed: true, draft: drafted.has(path) };
    }),
    ...drafts
      .filter((each) => !deployed.has(each.path))
      .map(({ path, edited_at }) => {
        return { path, summary: "", language: "", at: edited_at, by: "you", deployed: false, draft: true };
      }),
  ];
}

function Rows(props: { workspace: string; items: Item[]; wanted: string; sort: Sort }) {
  const { workspace, items, wanted, sort } = props;
  const words = wanted.toLowerCase().split(/\s+/);
  const shown = items
    .filter((each) =>
      words.every((word) => `${each.path} ${each.summary} ${each.language}`.toLowerCase().includes(word)),
    )
    .sort(ORDERS[sort] ?? ORDERS.edited);
  if (items.length === 0) {
    return (
      <Empty title="No script yet">
        <p>
          A script is code that several workflows share, tested and deployed by itself. Begin one with “New script”.
        </p>
      </Empty>
    );
  }
  if (shown.length === 0) {
    return (
      <Empty title="Nothing matches">
        <p>No script has “{wanted}” in its name, path or language.</p>
      </Empty>
    );
  }
  return (
    <ul className={css.list} onKeyDown={walk}>
      {shown.map((script) => (
        <li key={script.path} className={css.row}>
          <div className={css.name}>
            <Link to={`/w/${workspace}/scripts/${script.path}`}>{nameOf(script)}</Link>
            <div className={css.path}>{script.path}</div>
          </div>
          <div className={css.when}>
            {script.draft && <Status status="draft" word={script.deployed ? "draft" : "draft, not deployed"} />}{" "}
            <Time at={script.at} /> by {script.by}
          </div>
          <span className={css.kind} title={script.language && kindOf("rawscript", script.language).name}>
            {script.language && <Icon name={script.language} />}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Arrow keys go from name to name. */
function walk(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>(`.${css.name} a`)];
  const place = links.findIndex((link) => (event.target as HTMLElement).closest("li")?.contains(link));
  links[Math.min(Math.max(place + step, 0), links.length - 1)]?.focus();
  event.preventDefault();
}
