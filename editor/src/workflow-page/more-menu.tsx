import { useState } from "react";
import { ActionMenu } from "../actions/menu";
import { archiveAddress } from "../api/changes";
import { useEditor, useEditorStore } from "../editor/context";
import { useMoving } from "../items/use-moving";
import { lazyComponent } from "../lib/lazy-component";
import { useNavigate } from "../routing/hooks";
import { useSharing } from "../sharing/use-sharing";
import { t } from "../texts/workflow-page";
import { useNoRunsReason } from "../ui/access";

const RunDialog = lazyComponent(() => import("../workflows/run-dialog"));
const RemovalDialog = lazyComponent(() => import("../workflows/removal-dialog"));

const ON_GRAPH = [["tidy", "fit", "overview"], ["find"]];
const EVERYWHERE = ["palette", "keys"];

interface Props {
  /** Place of the open menu; null: it is closed, a dialog of it may be open. */
  at: { x: number; y: number } | null;
  /** The graph is displayed. */
  graph: boolean;
  close: () => void;
}

/** Menu of commands that are rarely used, with their dialogs. */
export default function MoreMenu({ at, graph, close }: Props) {
  const navigate = useNavigate();
  const [running, setRunning] = useState(false);
  const [removing, setRemoving] = useState(false);
  const workspace = useEditor((editor) => editor.workspace);
  const { path, version_id, archived, summary } = useEditor((editor) => editor.flow);
  const readOnly = useEditor((editor) => editor.readOnly);
  const moving = useMoving({ workspace, kind: "flow", path }, (to) => navigate(`/w/${workspace}/workflows/${to}`));
  const sharing = useSharing({ workspace, kind: "flow", path });
  const noRuns = useNoRunsReason();
  const run = {
    label: t("workflow-page.runDeployed"),
    icon: "play",
    disabled: noRuns !== undefined,
    title: noRuns,
    run: () => setRunning(true),
  };
  const ofDeployed = [
    // The head of a page that is only read has the button to run.
    ...(readOnly || archived ? [] : [run]),
    ...(readOnly ? [] : [{ label: t("ui.move"), icon: "edit", run: moving.move }]),
    { label: t("ui.share"), icon: "share", run: sharing.share },
    ...(archived
      ? []
      : [{ label: t("ui.export"), icon: "download", download: archiveAddress(workspace, "flow", [path]) }]),
  ];
  return (
    <>
      {at && (
        <ActionMenu
          label={t("workflow-page.more")}
          at={at}
          groups={graph ? [...ON_GRAPH, EVERYWHERE] : [EVERYWHERE]}
          more={[
            ...(version_id === null ? [] : ofDeployed),
            ...(readOnly ? [] : [{ label: t("workflow-page.archive"), icon: "trash", run: () => setRemoving(true) }]),
          ]}
          close={close}
        />
      )}
      {moving.dialog}
      {sharing.dialog}
      {running && (
        <RunDialog workspace={workspace} path={path} name={summary || path} close={() => setRunning(false)} />
      )}
      {removing && <Removal close={() => setRemoving(false)} />}
    </>
  );
}

function Removal({ close }: { close: () => void }) {
  const store = useEditorStore();
  const navigate = useNavigate();
  const workspace = useEditor((editor) => editor.workspace);
  const { path, version_id, archived } = useEditor((editor) => editor.flow);
  return (
    <RemovalDialog
      workspace={workspace}
      item={{ path, deployed: version_id !== null, archived }}
      // Unsaved changes are dropped.
      prepare={() => store.setState({ draft: { revision: null, state: "none" } })}
      done={async () => navigate(`/w/${workspace}/workflows`)}
      close={close}
    />
  );
}
