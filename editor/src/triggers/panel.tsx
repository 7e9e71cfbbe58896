import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { routesQuery, schedulesQuery } from "../api/triggers";
import { useEditor, useEditorStore } from "../editor/context";
import { t } from "../texts/triggers";
import panel from "../ui/panel.module.css";
import { Empty, Failed, Skeleton } from "../ui/states";
import { HttpTriggerForm } from "./http-trigger-form";
import { HttpTriggerRow } from "./http-triggers";
import { NotDeployed, StartsNothing } from "./not-deployed";
import { ScheduleForm } from "./schedule-form";
import { ScheduleRow } from "./schedules";
import css from "./triggers.module.css";
import TriggersView from "./view";
import { Webhook } from "./webhook";

/** The trigger that is selected on the graph, or the form of a new one; all triggers if none is selected. */
export default function TriggerPanel() {
  const trigger = useEditor((editor) => editor.trigger);
  const fresh = useEditor((editor) => editor.flow.version_id === null);
  if (trigger === null) return <TriggersView />;
  // Once the workflow is deployed, the form of the wanted trigger is shown.
  if (fresh) return <NotDeployed />;
  return (
    <div className={panel.pane}>
      <h2>{t(TITLES[trigger.kind])}</h2>
      <StartsNothing />
      {trigger.kind === "webhook" && <Webhook />}
      {trigger.kind === "schedule" && <OneSchedule key={trigger.path} path={trigger.path} />}
      {trigger.kind === "route" && <OneRoute key={trigger.path} path={trigger.path} />}
    </div>
  );
}

const TITLES = { webhook: "triggers.webhook", schedule: "triggers.schedule", route: "triggers.httpTrigger" } as const;

function useClosePanel(): () => void {
  const store = useEditorStore();
  return () => store.setState({ panel: null });
}

function OneSchedule({ path }: { path: string | null }) {
  const close = useClosePanel();
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const schedules = useQuery(schedulesQuery(workspace, flow));
  const [editing, setEditing] = useState(false);
  if (path === null) return <ScheduleForm schedule={null} close={close} />;
  if (schedules.isPending) return <Skeleton rows={3} />;
  if (schedules.error) return <Failed error={schedules.error} retry={() => void schedules.refetch()} />;
  const found = schedules.data.find((each) => each.path === path);
  if (!found) return <Empty title={t("triggers.gone")} />;
  return (
    <>
      <ul className={css.list}>
        <ScheduleRow schedule={found} edit={() => setEditing(true)} />
      </ul>
      {editing && <ScheduleForm schedule={found} close={() => setEditing(false)} />}
    </>
  );
}

function OneRoute({ path }: { path: string | null }) {
  const close = useClosePanel();
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const routes = useQuery(routesQuery(workspace, flow));
  const [editing, setEditing] = useState(false);
  if (path === null) return <HttpTriggerForm route={null} close={close} />;
  if (routes.isPending) return <Skeleton rows={3} />;
  if (routes.error) return <Failed error={routes.error} retry={() => void routes.refetch()} />;
  const found = routes.data.find((each) => each.path === path);
  if (!found) return <Empty title={t("triggers.gone")} />;
  return (
    <>
      <ul className={css.list}>
        <HttpTriggerRow route={found} edit={() => setEditing(true)} />
      </ul>
      {editing && <HttpTriggerForm route={found} close={() => setEditing(false)} />}
    </>
  );
}
