import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useParams } from "react-router";
import { type ScriptItem, scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { Status } from "../runs/status";
import { NewScript } from "../scripts/new";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { kindOf } from "../workflow/kinds";
import { Finding, type Found, NothingFound, type Order, useFound, walkRows } from "./finding";
import css from "./list.module.css";
import { rememberWorkspace } from "./shell";

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

const ORDERS: readonly [Order<Item>, ...Order<Item>[]] = [
  { name: "edited", says: "Last changed first", before: (a, b) => b.at.localeCompare(a.at) },
  { name: "name", says: "By name", before: (a, b) => nameOf(a).localeCompare(nameOf(b)) },
  { name: "path", says: "By path", before: (a, b) => a.path.localeCompare(b.path) },
];

/** All scripts of a workspace: searched, sorted, walked by arrow keys; search and order are in the address. */
export function ScriptsPage() {
  const { workspace = "" } = useParams();
  const [making, setMaking] = useState(false);
  const scripts = useQuery(scriptsQuery(workspace));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const items = scripts.data && itemsOf(scripts.data, drafts.data ?? []);
  const found = useFound(items, (item) => `${item.path} ${item.summary} ${item.language}`, ORDERS);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Scripts</h1>
        <Finding what="scripts" found={found} />
        <Button look="main" icon="plus" onClick={() => setMaking(true)}>
          New script
        </Button>
      </div>
      {scripts.isPending && <Skeleton />}
      {scripts.error && <Failed error={scripts.error} retry={() => void scripts.refetch()} />}
      {items && items.length === 0 && (
        <Empty title="No script yet">
          <p>
            A script is code that several workflows share, tested and deployed by itself. Begin one with “New script”.
          </p>
        </Empty>
      )}
      {items && items.length > 0 && <Rows workspace={workspace} found={found} />}
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

function Rows({ workspace, found: { shown, wanted } }: { workspace: string; found: Found<Item> }) {
  if (shown.length === 0) return <NothingFound what="script" wanted={wanted} where="in its name, path or language" />;
  return (
    <ul className={css.list} onKeyDown={walkRows}>
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
