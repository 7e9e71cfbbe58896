import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { errorText } from "../api/client";
import { discardDraft } from "../api/drafts";
import { archiveFlow, deleteFlow } from "../api/flows";
import { type UsedBy, usedByQuery } from "../api/versions";
import { useEditor, useEditorStore } from "../editor/context";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Skeleton } from "../ui/states";
import { notify } from "../ui/toasts";

const KINDS = { flow: "workflow", schedule: "schedule", http_trigger: "HTTP route" };

/** Archives or deletes a workflow, or discards a draft that was never deployed; says before what uses it. */
export default function RemovalDialog({ close }: { close: () => void }) {
  const store = useEditorStore();
  const workspace = useEditor((editor) => editor.workspace);
  const { path, version_id, archived } = useEditor((editor) => editor.flow);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [isConfirming, setSure] = useState(false);
  const users = useQuery({ ...usedByQuery(workspace, path), enabled: version_id !== null });
  const removing = useMutation({
    mutationFn: async (action: "archive" | "back" | "delete" | "discard") => {
      // What is not saved yet is not wanted any more.
      store.setState({ draft: { revision: null, state: "none" } });
      if (action === "delete") await deleteFlow(workspace, path);
      else if (action === "discard") await discardDraft(workspace, path);
      else await archiveFlow(workspace, path, action === "archive");
      return action;
    },
    onSuccess: async (what) => {
      close();
      notify({ archive: "Archived.", back: "It is back.", delete: "Deleted.", discard: "Discarded." }[what]);
      queries.removeQueries({ queryKey: ["flow", workspace, path] });
      await navigate(`/w/${workspace}/workflows`);
    },
  });
  if (version_id === null) {
    return (
      <Dialog title="Discard this draft?" close={close}>
        <p className={dialogCss.description}>It is not deployed: nothing of it stays.</p>
        <div className={dialogCss.foot}>
          <Button onClick={close}>Back</Button>
          <Button look="danger" disabled={removing.isPending} onClick={() => removing.mutate("discard")}>
            Discard
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={isConfirming ? "Delete it with all its versions?" : "Archive or delete"} close={close}>
      {users.isPending ? <Skeleton rows={2} /> : <UsedByList users={users.data ?? []} />}
      <p className={dialogCss.description}>
        {isConfirming
          ? "Versions cannot be brought back. Runs that there were stay."
          : "What is archived is not listed, does not run and can be brought back with its versions."}
      </p>
      {removing.isError && <p role="alert">{errorText(removing.error)}</p>}
      <div className={dialogCss.foot}>
        <Button onClick={() => (isConfirming ? setSure(false) : close())}>Back</Button>
        <Button
          look="danger"
          disabled={removing.isPending || users.isPending}
          onClick={() => (isConfirming ? removing.mutate("delete") : setSure(true))}
        >
          {isConfirming ? "Delete for good" : "Delete …"}
        </Button>
        {!isConfirming && (
          <Button
            look="main"
            disabled={removing.isPending || users.isPending}
            onClick={() => removing.mutate(archived ? "back" : "archive")}
          >
            {archived ? "Bring it back" : "Archive"}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

function UsedByList({ users }: { users: readonly UsedBy[] }) {
  if (users.length === 0) return <p>Nothing that you may read uses it.</p>;
  return (
    <div>
      <p>It is used by:</p>
      <ul aria-label="Used by">
        {users.map((each) => (
          <li key={`${each.kind} ${each.path} ${each.node ?? ""}`}>
            {KINDS[each.kind]} <code>{each.path}</code>
            {each.node && `, node ${each.node}`}
          </li>
        ))}
      </ul>
    </div>
  );
}
