import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { formatChord } from "../actions/keymap";
import { attempt } from "../actions/registry";
import { movedTo } from "../api/client";
import { discardScriptDraft, getScriptDraft, type Script, type ScriptDraft, scriptQuery } from "../api/scripts";
import { LazyCode } from "../code/lazy-code";
import { useDiagnostics } from "../code/use-diagnostics";
import { LabelsField } from "../forms/labels-field";
import { useMoving } from "../items/use-moving";
import { rememberItem } from "../lib/recent-items";
import { useFirst } from "../lib/use-first";
import { useNavigate, useParams, useSearchParams } from "../routing/hooks";
import { Link, Navigate } from "../routing/link";
import { useSharing } from "../sharing/use-sharing";
import { t } from "../texts/scripts";
import { useNoDeploysReason, useReadOnly } from "../ui/access";
import { EditButton } from "../ui/access-buttons";
import { Button, Field, Input } from "../ui/controls";
import workflow from "../ui/editor-page.module.css";
import { Icon } from "../ui/icon";
import inspector from "../ui/panel.module.css";
import { Popover } from "../ui/popover";
import { Failed, Skeleton } from "../ui/states";
import { notifyWarning } from "../ui/toasts";
import { AcceptanceNotices } from "../versions/acceptance";
import { kindOf } from "../workflow/kinds";
import { DeployDialog } from "./deploy-dialog";
import css from "./script.module.css";
import {
  createScriptEditor,
  edit,
  isChanged,
  openedSource,
  ScriptContext,
  useAutosave,
  useScript,
  useScriptStore,
} from "./store";
import { TestPanel } from "./test-panel";
import { UsedByPanel } from "./used-by";
import { Versions } from "./versions";

/** Page of a script: its code, a test, its versions and its users. */
export function ScriptPage() {
  const { workspace = "", "*": path = "" } = useParams();
  return <Loaded key={`${workspace}/${path}`} workspace={workspace} path={path} />;
}

function Loaded({ workspace, path }: { workspace: string; path: string }) {
  const queryOptions = { refetchOnWindowFocus: false, retry: false, gcTime: 0 } as const;
  const draft = useQuery({
    queryKey: ["script-draft", workspace, path],
    queryFn: () => getScriptDraft(workspace, path),
    ...queryOptions,
  });
  // A script that was never deployed exists as a draft only, and is not requested.
  const fresh = draft.data?.newest_version === null;
  const script = useQuery({
    ...scriptQuery(workspace, path),
    ...queryOptions,
    enabled: !draft.isPending && !fresh,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const error = draft.error ?? script.error;
  const loaded = (fresh || !script.isPending) && !draft.isPending && !error;
  const opened = useFirst(loaded ? { script: script.data ?? null, draft: draft.data ?? null } : null);
  if (opened) return <Opened workspace={workspace} path={path} {...opened} />;
  const target = movedTo(script.error);
  if (target && !draft.data) return <Navigate to={`/w/${workspace}/scripts/${target}`} />;
  if (error) {
    return (
      <main>
        <Failed error={error} retry={() => void Promise.all([script.refetch(), draft.refetch()])}>
          <Link to={`/w/${workspace}/scripts`}>{t("scripts.toList")}</Link>
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

interface OpenedProps {
  workspace: string;
  path: string;
  script: Script | null;
  draft: ScriptDraft | null;
}

function Opened({ workspace, path, script, draft }: OpenedProps) {
  // One store while the page is open: a deploy or a save updates it, never replaces it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the opened script is its initial state
  const store = useMemo(() => createScriptEditor(workspace, path, script, draft), []);
  useAutosave(store);
  const readOnly = useReadOnly();
  useEffect(() => {
    rememberItem(workspace, { kind: "scripts", path, name: script?.summary || path });
  }, [workspace, path, script]);
  const refusal = useNoDeploysReason();
  const [deploying, setDeploying] = useState(false);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
      event.preventDefault();
      if (!event.shiftKey || readOnly || !isChanged(store.getState())) return;
      if (refusal === undefined) setDeploying(true);
      else notifyWarning(refusal);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [store, readOnly, refusal]);
  return (
    <ScriptContext value={store}>
      <main className={css.page}>
        <Head deploy={() => setDeploying(true)} />
        <div>
          <Conflict />
          <Acceptance />
        </div>
        <div className={css.body}>
          <Code />
          <Side />
        </div>
      </main>
      {deploying && <DeployDialog close={() => setDeploying(false)} />}
    </ScriptContext>
  );
}

function Head({ deploy }: { deploy: () => void }) {
  const { workspace, path } = useScriptStore().getState();
  const deployed = useScript((editor) => editor.deployed !== null);
  const sharing = useSharing({ workspace, kind: "script", path });
  const navigate = useNavigate();
  const moving = useMoving({ workspace, kind: "script", path }, (to) => navigate(`/w/${workspace}/scripts/${to}`));
  const summary = useScript((editor) => editor.summary);
  const language = useScript((editor) => editor.language);
  const changed = useScript(isChanged);
  const readOnly = useReadOnly();
  const state = useScript(stateText);
  const kind = kindOf("rawscript", language);
  const refusal = useNoDeploysReason();
  return (
    <div className={workflow.head}>
      <Icon name={language} size={20} />
      <div className={workflow.title}>
        <h1 title={summary || path}>{summary || path}</h1>
        <div className={workflow.path}>{summary ? `${path} · ${kind.name}` : kind.name}</div>
      </div>
      <span className={workflow.state} role="status">
        {readOnly ? t("ui.readOnly") : state}
      </span>
      <span className={workflow.tools} />
      <EditButton
        look="main"
        icon="deploy"
        title={refusal ?? t("scripts.deployKeys", { keys: formatChord("Mod-Shift-s") })}
        disabled={!changed || refusal !== undefined}
        onClick={deploy}
      >
        {t("ui.deploy")}
      </EditButton>
      {deployed && (
        <Popover label={t("scripts.more")} icon="dots">
          <EditButton look="quiet" icon="edit" onClick={moving.move}>
            {t("ui.move")}
          </EditButton>
          <Button look="quiet" icon="share" onClick={sharing.share}>
            {t("ui.share")}
          </Button>
        </Popover>
      )}
      {moving.dialog}
      {sharing.dialog}
    </div>
  );
}

const STATE_TEXTS = {
  none: "",
  saving: t("scripts.saving"),
  saved: t("scripts.saved"),
  conflict: t("scripts.notSaved"),
  unsaved: t("scripts.unsaved"),
  refused: t("scripts.notSaved"),
};

function stateText(editor: ReturnType<ReturnType<typeof createScriptEditor>["getState"]>): string {
  if (isChanged(editor))
    return STATE_TEXTS[editor.draft.state] || (editor.deployed ? t("scripts.changed") : t("scripts.notDeployed"));
  return t("scripts.isDeployed");
}

/** Banner shown after another page has saved the draft. */
function Conflict() {
  const store = useScriptStore();
  const conflict = useScript((editor) => editor.draft.state === "conflict");
  if (!conflict) return null;
  const { workspace, path } = store.getState();
  const takeTheirs = async () => {
    const draft = await getScriptDraft(workspace, path);
    store.setState({
      ...(draft ? openedSource(store.getState().deployed, draft) : {}),
      draft: { revision: draft?.revision ?? null, state: draft ? "saved" : "none" },
    });
  };
  const keepMine = async () => {
    const draft = await getScriptDraft(workspace, path);
    store.setState({ draft: { revision: draft?.revision ?? null, state: "unsaved" } });
  };
  return (
    <div className={workflow.banner} role="alert">
      <span>{t("scripts.conflict")}</span>
      <Button onClick={() => attempt(takeTheirs)}>{t("scripts.useOther")}</Button>
      <Button look="main" onClick={() => attempt(keepMine)}>
        {t("scripts.keepThis")}
      </Button>
    </div>
  );
}

function Acceptance() {
  const { workspace, path } = useScriptStore().getState();
  const hash = useScript((editor) => editor.deployed?.hash);
  if (hash === undefined) return null;
  return <AcceptanceNotices key={hash} workspace={workspace} item={{ kind: "script", path }} version={hash} />;
}

function Code() {
  const store = useScriptStore();
  const { workspace } = store.getState();
  const content = useScript((editor) => editor.content);
  const language = useScript((editor) => editor.language);
  const trial = useScript((editor) => editor.testRun);
  const failed = trial?.status === "failed" && trial.content === content ? trial.result : undefined;
  const readOnly = useReadOnly();
  const faults = useDiagnostics(workspace, language, content, failed);
  return (
    <div className={css.code}>
      <LazyCode
        label={t("scripts.code")}
        language={language}
        text={content}
        changed={(text) => edit(store, { content: text })}
        readOnly={readOnly}
        lines={20}
        numbers
        diagnostics={faults}
      />
    </div>
  );
}

const TABS = {
  test: t("scripts.tabTest"),
  versions: t("scripts.tabVersions"),
  uses: t("scripts.tabUses"),
  about: t("scripts.tabAbout"),
} as const;
type Tab = keyof typeof TABS;

/** Panel next to the code. The selected tab is in the address. */
function Side() {
  const [search, setSearch] = useSearchParams();
  const requested = search.get("tab") ?? "";
  const tab: Tab = requested in TABS ? (requested as Tab) : "test";
  const openTab = (next: Tab) => setSearch({ tab: next }, { replace: true });
  return (
    <aside className={css.side} aria-label={TABS[tab]}>
      <div
        className={css.tabs}
        role="tablist"
        aria-label={t("scripts.panels")}
        onKeyDown={(event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          const names = Object.keys(TABS) as Tab[];
          const next = names[(names.indexOf(tab) + step + names.length) % names.length] ?? tab;
          openTab(next);
          event.currentTarget.querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
        }}
      >
        {(Object.keys(TABS) as Tab[]).map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            data-tab={each}
            aria-selected={each === tab}
            tabIndex={each === tab ? 0 : -1}
            onClick={() => openTab(each)}
          >
            {TABS[each]}
          </button>
        ))}
      </div>
      <div role="tabpanel" aria-label={TABS[tab]}>
        {tab === "test" && <TestPanel />}
        {tab === "versions" && <Versions />}
        {tab === "uses" && <UsedByPanel />}
        {tab === "about" && <About />}
      </div>
    </aside>
  );
}

function About() {
  const store = useScriptStore();
  const summary = useScript((editor) => editor.summary);
  const labels = useScript((editor) => editor.labels);
  const readOnly = useReadOnly();
  const draft = useScript((editor) => editor.draft.revision);
  const deployed = useScript((editor) => editor.deployed);
  const discard = async () => {
    const { workspace, path } = store.getState();
    await discardScriptDraft(workspace, path);
    if (!deployed) return;
    store.setState({ ...openedSource(deployed, null), draft: { revision: null, state: "none" } });
  };
  return (
    <section className={inspector.pane} aria-label={t("scripts.about")}>
      <fieldset className={inspector.editable} disabled={readOnly}>
        <Field label={t("scripts.summary")} help={t("scripts.summaryHint")}>
          <Input value={summary} onChange={(event) => edit(store, { summary: event.target.value })} />
        </Field>
        <LabelsField labels={labels} set={(next) => edit(store, { labels: next })} />
      </fieldset>
      {deployed?.lock_error_logs && (
        <div>
          <h3>{t("scripts.lockFailed")}</h3>
          <pre className={inspector.value}>{deployed.lock_error_logs}</pre>
        </div>
      )}
      {draft !== null && deployed && !readOnly && (
        <Button look="danger" onClick={() => attempt(discard)}>
          {t("scripts.discard")}
        </Button>
      )}
    </section>
  );
}
