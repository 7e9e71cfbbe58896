import { useState } from "react";
import { ActionButton, keyed } from "../actions/button";
import { actionOf } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { type Editor, isChanged } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/workflow-page";
import { useAccess } from "../ui/access";
import { RunButton } from "../ui/access-buttons";
import { Button, IconButton } from "../ui/controls";
import { useOneStop } from "../ui/one-stop";
import { at, text } from "../workflow/types";
import css from "./head.module.css";
import { ViewLinks } from "./views";

const MoreMenu = lazyComponent(() => import("./more-menu"));

/** Head of a workflow's page: name, views, state of the draft and commands. `graph`: the graph is displayed. */
export function Head({ graph }: { graph: boolean }) {
  const path = useEditor((editor) => editor.flow.path);
  const summary = useEditor((editor) => text(at(editor.tree, ["summary"])) || editor.flow.summary);
  return (
    <div className={css.head}>
      <div className={css.row}>
        <div className={css.title}>
          <h1 title={summary || path}>{summary || path}</h1>
          <div className={css.below}>
            <div className={css.path} title={path}>
              {path}
            </div>
            <DraftStatus />
          </div>
        </div>
        <div className={css.views}>
          <ViewLinks />
        </div>
        <div
          {...useOneStop<HTMLDivElement>()}
          className={css.tools}
          role="toolbar"
          aria-label={t("workflow-page.tools")}
        >
          <ActionButton name="undo" />
          <ActionButton name="redo" />
          {graph && <ActionButton name="add" />}
          <Panels graph={graph} />
        </div>
        <div className={css.main}>
          <TestButton />
          <ActionButton name="deploy" words main />
          <More graph={graph} />
        </div>
      </div>
    </div>
  );
}

/** Button that opens the form which runs the workflow. */
function TestButton() {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  const open = () => store.setState({ panel: "test" });
  if (readOnly) return <RunButton onClick={open}>{t("ui.run")}</RunButton>;
  return (
    <Button icon="play" title={keyed(t("workflow-page.testWorkflow"), actionOf("test"))} onClick={open}>
      {t("workflow-page.test")}
    </Button>
  );
}

const showsSettings = ({ panel, selection, edge }: Editor) => panel === "node" && selection.length === 0 && !edge;

/** Buttons that open and close the panels beside the graph. */
function Panels({ graph }: { graph: boolean }) {
  const store = useEditorStore();
  const panel = useEditor((editor) => editor.panel);
  const settings = useEditor(showsSettings);
  const errors = useEditor((editor) => editor.problems?.length ?? 0);
  return (
    <fieldset className={css.panels} aria-label={t("workflow-page.panels")}>
      <span className={css.caption} aria-hidden="true">
        {t("workflow-page.panels")}
      </span>
      {graph && <ActionButton name="workflow" pressed={settings} />}
      {graph && <ActionButton name="nodes" pressed={panel === "palette"} />}
      {graph && <ActionButton name="outline" pressed={panel === "outline"} />}
      {graph && <ActionButton name="yaml" pressed={panel === "yaml"} />}
      <Button
        look="quiet"
        icon={errors === 0 ? "check" : "warn"}
        title={t("workflow-page.openProblems")}
        aria-pressed={panel === "problems"}
        onClick={() => store.setState({ panel: "problems" })}
      >
        {errors > 0 && (
          <span className={css.count} aria-hidden="true">
            {errors}
          </span>
        )}
        <span className={css.words}>{t("workflow-page.problemCount", { count: errors })}</span>
      </Button>
    </fieldset>
  );
}

/** Button that opens the menu of commands that are rarely used. */
function More({ graph }: { graph: boolean }) {
  const [open, setOpen] = useState<{ x: number; y: number } | null>(null);
  const [used, setUsed] = useState(false);
  return (
    <>
      <IconButton
        label={t("workflow-page.more")}
        icon="dots"
        aria-haspopup="menu"
        aria-expanded={open !== null}
        onClick={({ currentTarget }) => {
          const { right, bottom } = currentTarget.getBoundingClientRect();
          setOpen({ x: right, y: bottom + 4 });
          setUsed(true);
        }}
      />
      {used && <MoreMenu at={open} graph={graph} close={() => setOpen(null)} />}
    </>
  );
}

const DRAFT_STATES = {
  none: t("workflow-page.changed"),
  saving: t("workflow-page.saving"),
  saved: t("workflow-page.saved"),
  conflict: t("workflow-page.notSaved"),
  unsaved: t("workflow-page.notSavedYet"),
  refused: t("workflow-page.refused"),
};

/** State of the document on the page: deployed, or the state of its draft. */
function DraftStatus() {
  const state = useEditor((editor) => editor.draft.state);
  const changed = useEditor(isChanged);
  const readOnly = useEditor((editor) => editor.readOnly);
  const { archived } = useAccess();
  if (readOnly) {
    return (
      <span className={css.state} role="status" title={t(archived ? "ui.archivedPermitsNoChanges" : "ui.roleReadOnly")}>
        {t("ui.readOnly")}
      </span>
    );
  }
  const word = changed ? DRAFT_STATES[state] : t("workflow-page.deployed");
  return (
    <span className={css.state} role="status" title={word}>
      {word}
    </span>
  );
}
