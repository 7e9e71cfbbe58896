import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useParams } from "react-router";
import { itemHistoriesQuery } from "../api/item-histories";
import { type ScriptItem, scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { rememberWorkspace } from "../lib/last-workspace";
import { t, tWith } from "../texts/scripts";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import { ItemRows } from "../ui/item-rows";
import css from "../ui/list.module.css";
import { type ListState, ListTools, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Select } from "../ui/select";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { useUrlParams } from "../ui/use-url-params";
import { kindOf } from "../workflow/kinds";
import { type Item, itemName } from "./items";
import { NewScript } from "./new-script";
import { RowMenu } from "./row-menu";

const ORDERS: readonly [SortOption<Item>, ...SortOption<Item>[]] = [
  { name: "edited", label: t("scripts.byEdited"), before: (a, b) => b.at.localeCompare(a.at) },
  { name: "name", label: t("scripts.byName"), before: (a, b) => itemName(a).localeCompare(itemName(b)) },
  { name: "path", label: t("scripts.byPath"), before: (a, b) => a.path.localeCompare(b.path) },
];

/** List of all scripts of a workspace with search, sort order and arrow keys. Search and order are in the address. */
export function ScriptsPage() {
  const { workspace = "" } = useParams();
  const [creating, setCreating] = useState(false);
  const [search, set] = useUrlParams();
  const archived = search.get("show") === "archived";
  const scripts = useQuery(scriptsQuery(workspace, archived));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const items = scripts.data && listItems(scripts.data, archived ? [] : (drafts.data ?? []));
  const found = useListTools(items, (item) => `${item.path} ${item.summary} ${item.language}`, ORDERS);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("scripts.title")}</h1>
        <ListTools what="scripts" found={found} />
        <Select aria-label={t("scripts.show")} value={archived ? "archived" : ""} set={(next) => set("show", next)}>
          <option value="">{t("scripts.active")}</option>
          <option value="archived">{t("scripts.archived")}</option>
        </Select>
        <Button look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("scripts.new")}
        </Button>
      </div>
      {scripts.isPending && <Skeleton />}
      {scripts.error && <Failed error={scripts.error} retry={() => void scripts.refetch()} />}
      {items && items.length === 0 && (
        <Empty title={archived ? t("scripts.noneArchived") : t("scripts.none")}>
          <p>{archived ? t("scripts.noneArchivedHint") : t("scripts.noneHint")}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <Rows workspace={workspace} found={found} taken={new Set(items.map((each) => each.path))} />
      )}
      {creating && <NewScript workspace={workspace} close={() => setCreating(false)} />}
    </main>
  );
}

/** One line per path. */
function listItems(scripts: readonly ScriptItem[], drafts: readonly { path: string; edited_at: string }[]): Item[] {
  const drafted = new Set(drafts.map((each) => each.path));
  const deployed = new Set(scripts.map((each) => each.path));
  return [
    ...scripts.map(({ path, summary, language, created_at, created_by, archived }) => {
      const draft = drafted.has(path);
      return { path, summary, language, at: created_at, by: created_by, deployed: true, archived, draft };
    }),
    ...drafts
      .filter((each) => !deployed.has(each.path))
      .map(({ path, edited_at }) => {
        return {
          path,
          summary: "",
          language: "",
          at: edited_at,
          by: "",
          deployed: false,
          archived: false,
          draft: true,
        };
      }),
  ];
}

function Rows({ workspace, found, taken }: { workspace: string; found: ListState<Item>; taken: ReadonlySet<string> }) {
  const { items, query, sort } = found;
  const histories = useQuery(itemHistoriesQuery(workspace, "script"));
  if (items.length === 0) return <NoMatches what="scripts" wanted={query} />;
  return (
    <ItemRows
      workspace={workspace}
      items={items}
      histories={histories.data}
      byFolder={sort === "path"}
      nameOf={itemName}
      to={(script) => `/w/${workspace}/scripts/${script.path}`}
      changed={(script) => (
        <>
          {script.draft && <DraftStatus deployed={script.deployed} />} {editedText(script)}
        </>
      )}
      actions={(script) => (
        <>
          <span className={css.kind} title={script.language && kindOf("rawscript", script.language).name}>
            {script.language && <Icon name={script.language} />}
          </span>
          <RowMenu workspace={workspace} item={script} taken={taken} />
        </>
      )}
    />
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
