import { useQuery } from "@tanstack/react-query";
import { itemHistoriesQuery } from "../api/item-histories";
import { scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { BulkBar } from "../items/bulk-bar";
import { ARCHIVED, FAVOURITES, ItemRows, ShownSelect } from "../items/item-rows";
import css from "../items/list.module.css";
import { filterItems, ITEM_ORDERS } from "../items/listed-item";
import { useListMarks } from "../items/use-list-marks";
import { useParams } from "../routing/hooks";
import { t } from "../texts/scripts";
import { useAccess } from "../ui/access";
import { EditButton } from "../ui/access-buttons";
import { Icon } from "../ui/icon";
import { LabelFilter, type ListState, ListTools, NoMatches, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { useUrlParams } from "../ui/use-url-params";
import { kindOf } from "../workflow/kinds";
import { type Item, listItems } from "./items";
import { NewScript } from "./new-script";
import { RowMenu } from "./row-menu";

/** List of all scripts of a workspace with search, sort order and arrow keys. Search and order are in the address. */
export function ScriptsPage() {
  const { workspace = "" } = useParams();
  const { mayEdit } = useAccess();
  const [search, set] = useUrlParams();
  const show = search.get("show") ?? "";
  const label = search.get("label") ?? "";
  const archived = show === ARCHIVED;
  const scripts = useQuery(scriptsQuery(workspace, archived));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  const items = scripts.data && drafts.data && listItems(scripts.data, archived ? [] : drafts.data);
  const error = scripts.error ?? drafts.error;
  const shown = items && filterItems(items, label, show === FAVOURITES);
  const found = useListTools(shown, (item) => `${item.path} ${item.summary} ${item.language}`, ITEM_ORDERS);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("scripts.title")}</h1>
        <ListTools what="scripts" found={found} />
        <LabelFilter label={label} clear={() => set("label", "")} />
        <ShownSelect show={show} set={(next) => set("show", next)} />
        <EditButton look="main" icon="plus" onClick={() => set("new", "1")}>
          {t("scripts.new")}
        </EditButton>
      </div>
      {error && <Failed error={error} retry={() => void Promise.all([scripts.refetch(), drafts.refetch()])} />}
      {!items && !error && <Skeleton />}
      {items && items.length === 0 && (
        <Empty title={archived ? t("scripts.noneArchived") : t("scripts.none")}>
          <p>{t(archived ? "scripts.noneArchivedHint" : mayEdit ? "scripts.noneHint" : "scripts.noneReadable")}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <Rows
          workspace={workspace}
          found={found}
          taken={new Set(items.map((each) => each.path))}
          archived={archived}
          filterBy={(next) => set("label", next)}
        />
      )}
      {search.has("new") && mayEdit && <NewScript workspace={workspace} close={() => set("new", "")} />}
    </main>
  );
}

interface RowsProps {
  workspace: string;
  found: ListState<Item>;
  taken: ReadonlySet<string>;
  archived: boolean;
  filterBy: (label: string) => void;
}

function Rows({ workspace, found, taken, archived, filterBy }: RowsProps) {
  const { items, query, sort } = found;
  const histories = useQuery(itemHistoriesQuery(workspace, "script"));
  const { clear, ...marks } = useListMarks(workspace, "script", items);
  if (items.length === 0) return <NoMatches what="scripts" wanted={query} />;
  return (
    <>
      {marks.chosen.size > 0 && (
        <BulkBar workspace={workspace} kind="script" paths={[...marks.chosen]} archived={archived} clear={clear} />
      )}
      <ItemRows
        {...marks}
        filterBy={filterBy}
        workspace={workspace}
        items={items}
        histories={histories.data}
        byFolder={sort === "path"}
        to={(script) => `/w/${workspace}/scripts/${script.path}`}
        actions={(script) => (
          <>
            <span className={css.kind} title={script.language && kindOf("rawscript", script.language).name}>
              {script.language && <Icon name={script.language} />}
            </span>
            <RowMenu workspace={workspace} item={script} taken={taken} />
          </>
        )}
      />
    </>
  );
}
