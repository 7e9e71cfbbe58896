import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { flowsQuery } from "../api/flows";
import { scriptsQuery } from "../api/scripts";
import { useEditor } from "../editing/context";
import { ChooseDialog } from "../ui/choose";
import { IconButton, Input, LinkButton } from "../ui/controls";
import { type Json, text } from "../workflow/types";
import css from "./inspector.module.css";

interface Props {
  id: string;
  what: "script" | "workflow";
  value: Json | undefined;
  set: (next: Json | undefined) => void;
}

/** A deployed script or workflow by its path: typed or chosen, and opened. */
export function Called({ id, what, value, set }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const [choosing, setChoosing] = useState(false);
  const path = text(value);
  return (
    <div className={css.row}>
      <Input
        id={id}
        value={path}
        placeholder={`f/folder/${what}`}
        spellCheck={false}
        onChange={(e) => set(e.target.value)}
      />
      <IconButton label={`Choose a ${what}`} icon="search" onClick={() => setChoosing(true)} />
      {path && (
        <LinkButton look="quiet" icon={what === "script" ? "script" : "flow"} to={`/w/${workspace}/${what}s/${path}`}>
          Open
        </LinkButton>
      )}
      {choosing && <CalledDialog what={what} choose={set} close={() => setChoosing(false)} />}
    </div>
  );
}

function CalledDialog({
  what,
  choose,
  close,
}: {
  what: Props["what"];
  choose: (path: string) => void;
  close: () => void;
}) {
  const workspace = useEditor((editor) => editor.workspace);
  const scripts = useQuery({ ...scriptsQuery(workspace), enabled: what === "script" });
  const flows = useQuery({ ...flowsQuery(workspace), enabled: what === "workflow" });
  const list = what === "script" ? scripts : flows;
  const items = (list.data ?? []).map((each) => ({ value: each.path, says: each.summary }));
  return (
    <ChooseDialog
      title={`Choose a ${what}`}
      placeholder="Search by path"
      none={list.isPending ? "Loading …" : `No ${what} is deployed here that you may read.`}
      groups={[
        { heading: what === "script" ? "Scripts" : "Workflows", icon: what === "script" ? "script" : "flow", items },
      ]}
      choose={choose}
      close={close}
    />
  );
}
