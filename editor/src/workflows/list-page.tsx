import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { type DraftHead, draftsQuery } from "../api/drafts";
import { archiveFlow, flowsQuery } from "../api/flows";
import { itemHistoriesQuery } from "../api/item-histories";
import { BulkBar } from "../items/bulk-bar";
import { ARCHIVED, FAVOURITES, ItemRows, ShownSelect } from "../items/item-rows";
import css from "../items/list.module.css";
import { filterItems, ITEM_ORDERS, itemName, type ListedItem } from "../items/listed-item";
import { useListMarks } from "../items/use-list-marks";
import { lazyComponent } from "../lib/lazy-component";
import { useParams } from "../routing/hooks";
import { t, tWith } from "../texts/workflows";
import { useAccess, useReadOnly } from "../ui/access";
import { EditButton, RunButton } from "../ui/access-buttons";
import { LinkButton } from "../ui/controls";
import { LabelFilter, type ListState, ListTools, NoMatches, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { notify, notifyError } from "../ui/toasts";
import { useUrlParams } from "../ui/use-url-params";
import { draftNameQuery } from "./draft-name";
import { listItems, undeployedDrafts } from "./items";
import { RowMenu } from "./row-menu";

/** Number of drafts whose names are fetched; the others are listed by their path. */
const NAMED_DRAFTS = 50;
const PUSH_COMMAND = "orvanta flow push";
const RunDialog = lazyComponent(() => import("./run-dialog"));
const CreateExamples = lazyComponent(() => import("./create-examples"));
const NewWorkflow = lazyComponent(async () => ({ default: (await import("./new-workflow")).NewWorkflow }));

/** List of all workflows of a workspace with search, sort order and arrow keys. Search and order are in the address. */
export function WorkflowsPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useUrlParams();
  const readOnly = useReadOnly();
  const show = search.get("show") ?? "";
  const label = search.get("label") ?? "";
  const archived = show === ARCHIVED;
  const flows = useQuery(flowsQuery(workspace, archived));
  const drafts = useQuery(draftsQuery(workspace));
  const undeployed = flows.data && drafts.data && !archived ? undeployedDrafts(flows.data, drafts.data) : [];
  const names = useDraftNames(workspace, undeployed);
  const items = flows.data && drafts.data && listItems(flows.data, drafts.data, undeployed, names);
  const shown = items && filterItems(items, label, show === FAVOURITES);
  const found = useListTools(shown, (item) => `${item.path} ${item.summary}`, ITEM_ORDERS);
  const error = flows.error ?? drafts.error;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("workflows.title")}</h1>
        <ListTools what="workflows" found={found} />
        <LabelFilter label={label} clear={() => set("label", "")} />
        <ShownSelect show={show} set={(next) => set("show", next)} />
        <EditButton look="main" icon="plus" onClick={() => set("new", "1")}>
          {t("workflows.new")}
        </EditButton>
      </div>
      {search.has("new") && !readOnly && <NewWorkflow workspace={workspace} close={() => set("new", "")} />}
      {error && <Failed error={error} retry={() => void Promise.all([flows.refetch(), drafts.refetch()])} />}
      {!items && !error && <Skeleton />}
      {items && items.length === 0 && (
        <EmptyList archived={archived}>
          <EditButton look="main" icon="plus" onClick={() => set("new", "1")}>
            {t("workflows.createFirst")}
          </EditButton>
          <CreateExamples workspace={workspace} />
        </EmptyList>
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
    </main>
  );
}

/** Return the summaries of drafts by path, as far as they are fetched. */
function useDraftNames(workspace: string, drafts: readonly DraftHead[]): ReadonlyMap<string, string> {
  return useQueries({
    queries: drafts.slice(0, NAMED_DRAFTS).map((draft) => draftNameQuery(workspace, draft)),
    combine: (found) => new Map(found.flatMap(({ data }) => (data ? [[data.path, data.name] as const] : []))),
  });
}

function EmptyList({ archived, children }: { archived: boolean; children: ReactNode }) {
  const { mayEdit } = useAccess();
  if (archived) {
    return (
      <Empty title={t("workflows.noneArchived")}>
        <p>{t("workflows.noneArchivedHint")}</p>
      </Empty>
    );
  }
  if (!mayEdit) {
    return (
      <Empty title={t("workflows.none")}>
        <p>{t("workflows.noneReadable")}</p>
      </Empty>
    );
  }
  return (
    <Empty title={t("workflows.none")}>
      <p>{t("workflows.noneHint")}</p>
      {children}
      <p>{tWith("workflows.noneFiles", { command: <code>{PUSH_COMMAND}</code> })}</p>
    </Empty>
  );
}

function Rows({
  workspace,
  found,
  taken,
  archived,
  filterBy,
}: {
  workspace: string;
  found: ListState<ListedItem>;
  taken: ReadonlySet<string>;
  archived: boolean;
  filterBy: (label: string) => void;
}) {
  const { items, query, sort } = found;
  const histories = useQuery(itemHistoriesQuery(workspace, "flow"));
  const { clear, ...marks } = useListMarks(workspace, "flow", items);
  const [running, setRunning] = useState<ListedItem | null>(null);
  if (items.length === 0) return <NoMatches what="workflows" wanted={query} />;
  return (
    <>
      {marks.chosen.size > 0 && (
        <BulkBar workspace={workspace} kind="flow" paths={[...marks.chosen]} archived={archived} clear={clear} />
      )}
      <ItemRows
        {...marks}
        filterBy={filterBy}
        workspace={workspace}
        items={items}
        histories={histories.data}
        byFolder={sort === "path"}
        to={(item) => `/w/${workspace}/workflows/${item.path}`}
        actions={(item) => (
          <>
            {!item.archived && item.deployed && (
              <RunButton look="quiet" onClick={() => setRunning(item)}>
                {t("workflows.run")}
              </RunButton>
            )}
            {!item.deployed && (
              <LinkButton look="quiet" icon="play" to={`/w/${workspace}/workflows/${item.path}?panel=test`}>
                {t("workflows.test")}
              </LinkButton>
            )}
            {item.archived && <RestoreButton workspace={workspace} path={item.path} />}
            <RowMenu workspace={workspace} item={item} taken={taken} />
          </>
        )}
      />
      {running && (
        <RunDialog workspace={workspace} path={running.path} name={itemName(running)} close={() => setRunning(null)} />
      )}
    </>
  );
}

/** Button that restores an archived workflow. */
function RestoreButton({ workspace, path }: { workspace: string; path: string }) {
  const queries = useQueryClient();
  const restoring = useMutation({
    mutationFn: () => archiveFlow(workspace, path, false),
    onError: notifyError,
    onSuccess: async () => {
      notify(t("workflows.restoredPath", { path }));
      queries.removeQueries({ queryKey: ["flow", workspace, path] });
      await queries.invalidateQueries({ queryKey: ["flows", workspace] });
    },
  });
  return (
    <EditButton
      look="quiet"
      icon="undo"
      title={t("workflows.restorePath", { path })}
      onClick={() => restoring.mutate()}
    >
      {t("workflows.restore")}
    </EditButton>
  );
}
