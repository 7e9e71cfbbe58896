import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { flowsQuery } from "../api/flows";
import { scriptsQuery } from "../api/scripts";
import { useEditor } from "../editor/context";
import { t } from "../texts/inspector";
import { ChooseDialog } from "../ui/choose-dialog";
import { IconButton, Input, LinkButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { type Json, text } from "../workflow/types";

interface Props {
  id: string;
  kind: "script" | "workflow";
  value: Json | undefined;
  set: (next: Json | undefined) => void;
}

/** The path of a deployed script or workflow, to enter, select and open. */
export function PathField({ id, kind, value, set }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const [choosing, setChoosing] = useState(false);
  const path = text(value);
  return (
    <div className={css.row}>
      <Input
        id={id}
        value={path}
        placeholder={kind === "script" ? t("inspector.scriptExample") : t("inspector.workflowExample")}
        spellCheck={false}
        onChange={(e) => set(e.target.value)}
      />
      <IconButton
        label={kind === "script" ? t("inspector.selectScript") : t("inspector.selectWorkflow")}
        icon="search"
        onClick={() => setChoosing(true)}
      />
      {path && (
        <LinkButton look="quiet" icon={kind === "script" ? "script" : "flow"} to={`/w/${workspace}/${kind}s/${path}`}>
          {t("ui.open")}
        </LinkButton>
      )}
      {choosing && <PathDialog what={kind} choose={set} close={() => setChoosing(false)} />}
    </div>
  );
}

const SCRIPTS = { heading: t("inspector.scripts"), icon: "script" };
const WORKFLOWS = { heading: t("inspector.workflows"), icon: "flow" };

function PathDialog({
  what,
  choose,
  close,
}: {
  what: Props["kind"];
  choose: (path: string) => void;
  close: () => void;
}) {
  const workspace = useEditor((editor) => editor.workspace);
  const scripts = useQuery({ ...scriptsQuery(workspace), enabled: what === "script" });
  const flows = useQuery({ ...flowsQuery(workspace), enabled: what === "workflow" });
  const list = what === "script" ? scripts : flows;
  const items = (list.data ?? []).map(({ path, summary }) => ({
    value: path,
    name: summary || path,
    description: summary && path,
  }));
  const emptyText = what === "script" ? t("inspector.noScripts") : t("inspector.noWorkflows");
  return (
    <ChooseDialog
      title={what === "script" ? t("inspector.selectScript") : t("inspector.selectWorkflow")}
      placeholder={t("inspector.searchItems")}
      emptyText={list.isPending ? t("ui.loading") : emptyText}
      groups={[what === "script" ? { ...SCRIPTS, items } : { ...WORKFLOWS, items }]}
      choose={choose}
      close={close}
    />
  );
}
