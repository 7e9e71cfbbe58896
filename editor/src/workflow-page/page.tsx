import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useKeyboard } from "../actions/use-keyboard";
import { waitingQuery } from "../api/acceptance";
import { movedTo } from "../api/client";
import { type Draft, draftQuery } from "../api/drafts";
import { emptyFlow, type Flow, flowQuery } from "../api/flows";
import { Canvas } from "../canvas/canvas";
import { FollowShownIterations } from "../canvas/iterations";
import { useAutosave } from "../editor/autosave";
import { EditorContext, useEditor, useEditorStore } from "../editor/context";
import { type LocalHistory, localHistoryQuery } from "../editor/local-history";
import { NewValueContext } from "../editor/new-value-context";
import { createEditor, textOf, treeOf } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { rememberItem } from "../lib/recent-items";
import { useRedrawnPress } from "../lib/redrawn-press";
import { useFirst } from "../lib/use-first";
import { useParams, useSearchParams } from "../routing/hooks";
import { Link, Navigate } from "../routing/link";
import { t } from "../texts/workflow-page";
import { useAccess, useNoDeploysReason, useReadOnly } from "../ui/access";
import css from "../ui/editor-page.module.css";
import { Failed, Skeleton } from "../ui/states";
import { at, text } from "../workflow/types";
import { Banner } from "./banner";
import { Head } from "./head";
import { OpenDialog, SidePanel, stateFromUrl, usePanelInUrl, usePreload } from "./side-panel";
import { useView } from "./views";

const RunsView = lazyComponent(() => import("../runs/list/workflow-runs"), <Skeleton rows={6} />);
const VersionsView = lazyComponent(() => import("../versions/view"), <Skeleton rows={6} />);
const AcceptanceNotices = lazyComponent(async () => ({
  default: (await import("../versions/acceptance")).AcceptanceNotices,
}));
const TestsView = lazyComponent(() => import("../workflow-tests/view"), <Skeleton rows={6} />);
const TriggersView = lazyComponent(() => import("../triggers/view"), <Skeleton rows={6} />);
const StartTriggers = lazyComponent(() => import("../triggers/start"));
const NewValueDialog = lazyComponent(() => import("../settings/new-value-dialog"));
const START = <StartTriggers />;

/** The page of a workflow: the graph, with the form of a node, a test or the YAML beside it. */
export function WorkflowPage() {
  const { workspace = "", "*": path = "" } = useParams();
  return <Loaded key={`${workspace}/${path}`} workspace={workspace} path={path} />;
}

function Loaded({ workspace, path }: { workspace: string; path: string }) {
  const draft = useQuery({ ...draftQuery(workspace, path), refetchOnWindowFocus: false });
  useRemovedDraft(workspace, path);
  // A workflow that was never deployed exists as a draft only, and is not requested.
  const fresh = draft.data?.newest_version === null;
  const flow = useQuery({
    ...flowQuery(workspace, path),
    enabled: !draft.isPending && !fresh,
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const kept = useQuery({ ...localHistoryQuery(workspace, path), refetchOnWindowFocus: false });
  const error = flow.error ?? draft.error;
  const found = flow.data ?? (fresh ? emptyFlow(path) : null);
  const readOnly = useReadOnly();
  const { known } = useAccess();
  const loaded = found !== null && !error && !draft.isPending && !kept.isPending && known;
  const opened = useFirst(
    loaded ? { flow: found, draft: draft.data ?? null, kept: readOnly ? null : (kept.data ?? null), readOnly } : null,
  );
  if (opened) return <Opened workspace={workspace} {...opened} />;
  const target = movedTo(flow.error);
  if (target && !draft.data) return <Navigate to={`/w/${workspace}/workflows/${target}`} />;
  if (error) {
    return (
      <main>
        <Failed error={error} retry={() => void Promise.all([flow.refetch(), draft.refetch()])}>
          <Link to={`/w/${workspace}/workflows`}>{t("workflow-page.toWorkflows")}</Link>
        </Failed>
      </main>
    );
  }
  return (
    <main>
      <Skeleton rows={6} />
    </main>
  );
}

/** Forget the draft and the history when the page is closed, also prefetched ones: the next visit shows the newest. */
function useRemovedDraft(workspace: string, path: string): void {
  const queries = useQueryClient();
  useEffect(
    () => () => {
      for (const { queryKey } of [draftQuery(workspace, path), localHistoryQuery(workspace, path)])
        queries.removeQueries({ queryKey });
    },
    [queries, workspace, path],
  );
}

interface OpenedProps {
  workspace: string;
  flow: Flow;
  draft: Draft | null;
  kept: LocalHistory | null;
  readOnly: boolean;
}

function Opened({ workspace, flow, draft, kept, readOnly }: OpenedProps) {
  const [search] = useSearchParams();
  // One store while the page is open: a deploy or a save updates it and never replaces it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the initial values matter
  const store = useMemo(() => {
    const begun = draft ?? { text: textOf(flow), tree: treeOf(flow), revision: null, base_version: flow.version_id };
    const made = createEditor(workspace, flow, { ...begun, base: begun.base_version }, kept, readOnly);
    made.setState(stateFromUrl(search, made));
    return made;
  }, []);
  // A page that can be edited stays so, with its unsaved changes; the server refuses to save them.
  const readOnlyNow = useReadOnly();
  const permitted = useAccess().known && !readOnlyNow;
  useEffect(() => {
    if (permitted) store.setState({ readOnly: false });
  }, [permitted, store]);
  const deployRefusal = useNoDeploysReason();
  useEffect(() => store.setState({ deployRefusal }), [deployRefusal, store]);
  return (
    <EditorContext value={store}>
      <NewValueContext value={NewValueDialog}>
        <Page />
        <FollowShownIterations />
        <OpenDialog />
      </NewValueContext>
    </EditorContext>
  );
}

function Page() {
  const store = useEditorStore();
  const path = useEditor((editor) => editor.flow.path);
  const summary = useEditor((editor) => text(at(editor.tree, ["summary"])) || editor.flow.summary);
  const workspace = useEditor((editor) => editor.workspace);
  useEffect(
    () => rememberItem(workspace, { kind: "workflows", path, name: summary || path }),
    [workspace, path, summary],
  );
  useAutosave(store);
  usePanelInUrl();
  usePreload();
  const view = useView();
  useKeyboard(store, view === "graph");
  useRedrawnPress();
  return (
    <main className={css.page}>
      <Head graph={view === "graph"} />
      <div>
        <Banner />
        <Acceptance />
      </div>
      {view === "graph" ? (
        <div className={css.body}>
          <Canvas start={START} />
          <SidePanel />
        </div>
      ) : (
        <div className={css.whole}>
          {view === "runs" && <RunsView />}
          {view === "versions" && <VersionsView />}
          {view === "tests" && <TestsView />}
          {view === "triggers" && <TriggersView />}
        </div>
      )}
    </main>
  );
}

function Acceptance() {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const version = useEditor((editor) => editor.flow.version_id);
  const item = { kind: "flow" as const, path };
  const waiting = useQuery({ ...waitingQuery(workspace, item, version ?? 0), retry: false, enabled: version !== null });
  if (version === null || !waiting.data?.length) return null;
  return <AcceptanceNotices workspace={workspace} item={item} version={version} />;
}
