import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useParams } from "react-router";
import { type ScriptItem, scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { rememberWorkspace } from "../lib/last-workspace";
import { t, tWith } from "../texts/scripts";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import css from "../ui/list.module.css";
import { type ListState, ListTools, moveFocusByRow, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { kindOf } from "../workflow/kinds";
import { NewScript } from "./new-script";

/** A row of the list: a deployed script, or a draft that was never deployed. `by` is empty for the reader. */
interface Item {
  path: string;
  summary: string;
  language: string;
  at: string;
  by: string;
  deployed: boolean;
  draft: boolean;
}

const itemName = (item: Item) => item.summary || item.path.split("/").slice(2).join("/");

const ORDERS: readonly [SortOption<Item>, ...SortOption<Item>[]] = [
  { name: "edited", label: t("scripts.byEdited"), before: (a, b) => b.at.localeCompare(a.at) },
  { name: "name", label: t("scripts.byName"), before: (a, b) => itemName(a).localeCompare(itemName(b)) },
  { name: "path", label: t("scripts.byPath"), before: (a, b) => a.path.localeCompare(b.path) },
];

/** List of all scripts of a workspace with search, sort order and arrow keys. Search and order are in the address. */
export function ScriptsPage() {
  const { workspace = "" } = useParams();
  const [creating, setMaking] = useState(false);
  const scripts = useQuery(scriptsQuery(workspace));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const items = scripts.data && listItems(scripts.data, drafts.data ?? []);
  const found = useListTools(items, (item) => `${item.path} ${item.summary} ${item.language}`, ORDERS);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("scripts.title")}</h1>
        <ListTools what="scripts" found={found} />
        <Button look="main" icon="plus" onClick={() => setMaking(true)}>
          {t("scripts.new")}
        </Button>
      </div>
      {scripts.isPending && <Skeleton />}
      {scripts.error && <Failed error={scripts.error} retry={() => void scripts.refetch()} />}
      {items && items.length === 0 && (
        <Empty title={t("scripts.none")}>
          <p>{t("scripts.noneHint")}</p>
        </Empty>
      )}
      {items && items.length > 0 && <Rows workspace={workspace} found={found} />}
      {creating && <NewScript workspace={workspace} close={() => setMaking(false)} />}
    </main>
  );
}

/** One line per path. */
function listItems(scripts: readonly ScriptItem[], drafts: readonly { path: string; edited_at: string }[]): Item[] {
  const drafted = new Set(drafts.map((each) => each.path));
  const deployed = new Set(scripts.map((each) => each.path));
  return [
    ...scripts.map(({ path, summary, language, created_at, created_by }) => {
      return { path, summary, language, at: created_at, by: created_by, deployed: true, draft: drafted.has(path) };
    }),
    ...drafts
      .filter((each) => !deployed.has(each.path))
      .map(({ path, edited_at }) => {
        return { path, summary: "", language: "", at: edited_at, by: "", deployed: false, draft: true };
      }),
  ];
}

function Rows({ workspace, found: { items, query } }: { workspace: string; found: ListState<Item> }) {
  if (items.length === 0) return <NoMatches what="scripts" wanted={query} />;
  return (
    <ul className={css.list} onKeyDown={moveFocusByRow}>
      {items.map((script) => (
        <li key={script.path} className={css.row}>
          <div className={css.name}>
            <Link to={`/w/${workspace}/scripts/${script.path}`}>{itemName(script)}</Link>
            <div className={css.path}>{script.path}</div>
          </div>
          <div className={css.when}>
            {script.draft && <DraftStatus deployed={script.deployed} />} {editedText(script)}
          </div>
          <span className={css.kind} title={script.language && kindOf("rawscript", script.language).name}>
            {script.language && <Icon name={script.language} />}
          </span>
        </li>
      ))}
    </ul>
  );
}

function DraftStatus({ deployed }: { deployed: boolean }) {
  return deployed ? <Status status="draft" /> : <Status status="draft" word={t("scripts.draftOnly")} />;
}

/** Time and author of the last change of a script. */
function editedText({ at, by }: Item): ReactNode {
  const time = <Time at={at} />;
  return by ? tWith("scripts.editedBy", { time }, { author: by }) : tWith("scripts.editedByYou", { time });
}
