import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { aboutQuery, documentQuery, type RunAbout, type RunDocument } from "../api/runs";
import { FollowShownIterations } from "../canvas/iterations";
import { EditorContext } from "../editor/context";
import { followRun } from "../editor/run-watch";
import { createEditor, type EditorStore } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t } from "../texts/runs";
import { Failed, Skeleton } from "../ui/states";
import { RunContext, type RunView, useRun } from "./context";
import { RunGraph } from "./graph/graph";
import { RunHeader } from "./header";
import css from "./page.module.css";
import { RunTabs, TITLES } from "./tabs";
import { useSelection } from "./use-selection";

const RunTimeline = lazyComponent(
  async () => ({ default: (await import("./timeline/timeline")).RunTimeline }),
  <Skeleton rows={6} />,
);
const RunLog = lazyComponent(async () => ({ default: (await import("./log/log")).RunLog }), <Skeleton rows={6} />);
const RunData = lazyComponent(async () => ({ default: (await import("./data/data")).RunData }), <Skeleton rows={6} />);

/** Document of the run of a script. */
const NO_NODES = "value: {modules: []}";
const EMPTY: RunDocument = { text: NO_NODES };

/** Page of a run: graph, timeline, logs and data. */
export function RunPage() {
  const { workspace = "", id = "" } = useParams();
  const about = useQuery({ ...aboutQuery(workspace, id), refetchOnWindowFocus: false });
  const flow = about.data?.is_workflow ?? false;
  const document = useQuery({ ...documentQuery(workspace, about.data?.run_id ?? id), enabled: flow });
  if (!about.data || (flow && document.data === undefined)) {
    // Shown only without data: after a failed refetch the page stays, with its focus.
    const error = about.error ?? document.error;
    return (
      <main>
        {error ? (
          <Failed error={error} retry={() => void Promise.all([about.refetch(), flow && document.refetch()])}>
            <Link to={`/w/${workspace}/runs`}>{t("runs.allRuns")}</Link>
          </Failed>
        ) : (
          <Skeleton rows={6} />
        )}
      </main>
    );
  }
  return <Opened key={about.data.run_id} workspace={workspace} about={about.data} document={document.data ?? EMPTY} />;
}

/** Create the read-only state of the canvas for the document that ran. */
function createStore(workspace: string, about: RunAbout, document: RunDocument): EditorStore {
  const flow = {
    path: about.workflow ?? "",
    summary: "",
    edited_by: "",
    edited_at: "",
    archived: false,
    version_id: about.version?.id ?? null,
    value: { modules: [] },
  };
  return createEditor(workspace, flow, { ...document, revision: null }, null, true);
}

interface OpenedProps {
  workspace: string;
  about: RunAbout;
  document: RunDocument;
}

function Opened({ workspace, about, document }: OpenedProps) {
  const id = about.run_id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the document of a run does not change
  const store = useMemo(() => createStore(workspace, about, document), []);
  useEffect(() => followRun(store, id), [store, id]);
  const [selection, select] = useSelection(store, about.is_workflow);
  useRefreshedFacts(store, workspace, id);
  const view = useMemo(
    (): RunView => ({ workspace, id, about, selection, select }),
    [workspace, id, about, selection, select],
  );
  return (
    <EditorContext value={store}>
      <RunContext value={view}>
        <FollowShownIterations />
        <main className={css.page}>
          <RunHeader />
          <RunTabs />
          <div className={css.body} role="tabpanel" aria-label={TITLES[selection.tab]}>
            <Tab />
          </div>
        </main>
      </RunContext>
    </EditorContext>
  );
}

/** Fetch the facts again when the status changes or the run is cancelled. */
function useRefreshedFacts(store: EditorStore, workspace: string, id: string): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      store.subscribe(({ live }, { live: before }) => {
        if (live?.status === before?.status && live?.graph?.canceled === before?.graph?.canceled) return;
        void queries.invalidateQueries({ queryKey: aboutQuery(workspace, id).queryKey });
      }),
    [store, queries, workspace, id],
  );
}

function Tab() {
  const { selection } = useRun();
  switch (selection.tab) {
    case "graph":
      return <RunGraph />;
    case "timeline":
      return <RunTimeline />;
    case "logs":
      return <RunLog />;
    case "data":
      return <RunData />;
  }
}
