import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { flowsQuery } from "../api/flows";
import { scriptsQuery } from "../api/scripts";
import { useEditor } from "../editor/context";
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

/** A deployed script or workflow by its path: typed or chosen, and opened. */
export function PathField({ id, kind, value, set }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const [choosing, setChoosing] = useState(false);
  const path = text(value);
  return (
    <div className={css.row}>
      <Input
        id={id}
        value={path}
        placeholder={`f/folder/${kind}`}
        spellCheck={false}
        onChange={(e) => set(e.target.value)}
      />
      <IconButton label={`Choose a ${kind}`} icon="search" onClick={() => setChoosing(true)} />
      {path && (
        <LinkButton look="quiet" icon={kind === "script" ? "script" : "flow"} to={`/w/${workspace}/${kind}s/${path}`}>
          Open
        </LinkButton>
      )}
      {choosing && <PathDialog what={kind} choose={set} close={() => setChoosing(false)} />}
    </div>
  );
}

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
  const items = (list.data ?? []).map((each) => ({ value: each.path, description: each.summary }));
  return (
    <ChooseDialog
      title={`Choose a ${what}`}
      placeholder="Search by path"
      emptyText={list.isPending ? "Loading …" : `No ${what} is deployed here that you may read.`}
      groups={[
        { heading: what === "script" ? "Scripts" : "Workflows", icon: what === "script" ? "script" : "flow", items },
      ]}
      choose={choose}
      close={close}
    />
  );
}
