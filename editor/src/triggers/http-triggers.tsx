import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { attempt } from "../actions/registry";
import { otherOrigin, useServerUrl } from "../api/server-url";
import { deleteRoute, type Route, routesQuery, routeUrl, setRouteMode } from "../api/triggers";
import { useEditor } from "../editor/context";
import { useSharing } from "../sharing/use-sharing";
import { t, tWith } from "../texts/triggers";
import { EditButton, EditIconButton } from "../ui/access-buttons";
import { Confirm } from "../ui/confirm";
import { IconButton } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import { OtherOrigin } from "../ui/other-origin";
import { Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { TriggerAcceptance } from "../versions/acceptance";
import { at } from "../workflow/types";
import { curl } from "./curl";
import { HttpTriggerForm } from "./http-trigger-form";
import { RunsAs } from "./runs-as";
import { useStopped } from "./stopped";
import { TestRequests } from "./test-requests";
import css from "./triggers.module.css";

/** HTTP triggers of the workflow. */
export function HttpTriggers({ wanted: query }: { wanted: string }) {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const readOnly = useEditor((editor) => editor.readOnly);
  const example = useEditor((editor) => at(editor.tree, ["schema", "examples", 0]));
  const serverUrl = useServerUrl(workspace);
  const routes = useQuery(routesQuery(workspace, path));
  const [editing, setEditing] = useState<Route | "new" | null>(null);
  const shown = (routes.data ?? []).filter((each) =>
    `${each.path} ${each.summary ?? ""} ${each.http_method} ${each.route_path}`
      .toLowerCase()
      .includes(query.toLowerCase()),
  );
  return (
    <section className={css.section} aria-labelledby="routes">
      <div className={css.row}>
        <h2 id="routes">{t("triggers.httpTriggers")}</h2>
        <EditButton icon="plus" onClick={() => setEditing("new")}>
          {t("triggers.newHttpTrigger")}
        </EditButton>
      </div>
      {routes.isPending && <Skeleton rows={2} />}
      {routes.error && <Failed error={routes.error} retry={() => void routes.refetch()} />}
      {routes.data?.length === 0 && <p className={css.help}>{t("triggers.noHttpTriggers")}</p>}
      {shown.length === 0 && (routes.data?.length ?? 0) > 0 && (
        <p className={css.help}>{t("triggers.noMatchingHttpTriggers")}</p>
      )}
      {shown.length > 0 && <OtherOrigin origin={otherOrigin(serverUrl)} url={serverUrl} />}
      {shown.length > 0 && (
        <ul className={css.list}>
          {shown.map((each) => (
            <HttpTriggerRow key={each.path} route={each} edit={() => setEditing(each)} />
          ))}
        </ul>
      )}
      {(routes.data?.length ?? 0) > 0 && !readOnly && <TestRequests kind="http" token="" body={example ?? {}} />}
      {editing && <HttpTriggerForm route={editing === "new" ? null : editing} close={() => setEditing(null)} />}
    </section>
  );
}

/** A route with its URL and commands. */
export function HttpTriggerRow({ route, edit }: { route: Route; edit: () => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const queries = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const changed = () => queries.invalidateQueries(routesQuery(workspace, flow));
  const { path } = route;
  const sharing = useSharing({ workspace, kind: "http_trigger", path });
  const serverUrl = useServerUrl(workspace);
  const stopped = useStopped(workspace, route.disabled_reason, route.permissioned_as);
  const on = route.mode === "enabled";
  const method = route.http_method.toUpperCase();
  const token = route.authentication_method === "orvanta" ? "" : null;
  return (
    <li className={css.item}>
      <div className={css.heading}>
        <span className={css.name}>{route.summary || path}</span>
        {route.summary && <code className={css.help}>{path}</code>}
        <code>
          {method} /{route.route_path}
        </code>
        <span className={css.help}>
          <RunsAs identity={route.permissioned_as} />
        </span>
        <Status status={on ? "succeeded" : "paused"} word={on ? t("triggers.enabled") : t("triggers.disabled")} />
      </div>
      {stopped.text && <p className={css.help}>{tWith("triggers.disabledReason", { reason: stopped.text })}</p>}
      <TriggerAcceptance workspace={workspace} kind="http_trigger" path={path} className={css.help} />
      <CopyableCommand
        label={t("triggers.curlFor", { path })}
        text={curl(routeUrl(serverUrl, route), { method, token, body: {} })}
      />
      <div className={css.tools}>
        {!stopped.isOwnerless && (
          <EditButton
            icon={on ? "pause" : "play"}
            onClick={() =>
              attempt(async () => setRouteMode(workspace, path, on ? "disabled" : "enabled").then(changed))
            }
          >
            {on ? t("triggers.disable") : t("triggers.enable")}
          </EditButton>
        )}
        <EditButton icon="edit" onClick={edit}>
          {t("ui.edit")}
        </EditButton>
        <IconButton label={t("ui.share")} icon="share" onClick={sharing.share} />
        <EditIconButton
          label={t("triggers.deleteItem", { name: path })}
          icon="trash"
          onClick={() => setDeleting(true)}
        />
      </div>
      {sharing.dialog}
      {deleting && (
        <Confirm
          title={t("triggers.deleteHttpTrigger", { path })}
          confirmLabel={t("ui.delete")}
          close={() => setDeleting(false)}
          onConfirm={() => attempt(async () => deleteRoute(workspace, path).then(changed))}
        >
          <p className={css.help}>{t("triggers.deleteHttpTriggerHint")}</p>
        </Confirm>
      )}
    </li>
  );
}
