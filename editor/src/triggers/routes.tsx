import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { attempt } from "../actions/registry";
import { deleteRoute, type Route, routesQuery, routeUrl, setRouteMode } from "../api/triggers";
import { useEditor } from "../editor/context";
import { Confirm } from "../ui/confirm";
import { Button, IconButton } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { TriggerAcceptance } from "../versions/acceptance";
import { CopyableCommand } from "./command";
import { curl } from "./curl";
import { RouteForm } from "./route-form";
import css from "./triggers.module.css";

/** HTTP routes of the workflow. */
export function Routes({ wanted: query }: { wanted: string }) {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
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
        <h2 id="routes">HTTP routes</h2>
        <Button icon="plus" onClick={() => setEditing("new")}>
          New route
        </Button>
      </div>
      {routes.isPending && <Skeleton rows={2} />}
      {routes.error && <Failed error={routes.error} retry={() => void routes.refetch()} />}
      {routes.data?.length === 0 && (
        <p className={css.help}>
          None yet. A route is an address of your own, with parameters and its own way to prove who calls.
        </p>
      )}
      {shown.length === 0 && (routes.data?.length ?? 0) > 0 && <p className={css.help}>No route matches.</p>}
      {shown.length > 0 && (
        <ul className={css.list}>
          {shown.map((each) => (
            <RouteRow key={each.path} route={each} edit={() => setEditing(each)} />
          ))}
        </ul>
      )}
      {editing && <RouteForm route={editing === "new" ? null : editing} close={() => setEditing(null)} />}
    </section>
  );
}

function RouteRow({ route, edit }: { route: Route; edit: () => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const queries = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const changed = () => queries.invalidateQueries(routesQuery(workspace, flow));
  const { path } = route;
  const on = route.mode === "enabled";
  const method = route.http_method.toUpperCase();
  const token = route.authentication_method === "orvanta" ? "" : null;
  return (
    <li className={css.item}>
      <div className={css.heading}>
        <span className={css.name}>{route.summary || path}</span>
        <code>
          {method} /{route.route_path}
        </code>
        <Status status={on ? "succeeded" : "waiting"} word={on ? "on" : "off"} />
      </div>
      {route.disabled_reason && <p className={css.help}>Disabled by the platform: {route.disabled_reason}</p>}
      <TriggerAcceptance workspace={workspace} kind="http_trigger" path={path} className={css.help} />
      <CopyableCommand label={`Call of ${path}`} text={curl(routeUrl(route), { method, token, body: {} })} />
      <div className={css.tools}>
        <Button
          icon={on ? "pause" : "play"}
          onClick={() => attempt(async () => setRouteMode(workspace, path, on ? "disabled" : "enabled").then(changed))}
        >
          {on ? "Switch off" : "Switch on"}
        </Button>
        <Button icon="edit" onClick={edit}>
          Edit
        </Button>
        <IconButton label={`Delete ${path}`} icon="trash" onClick={() => setDeleting(true)} />
      </div>
      {deleting && (
        <Confirm
          title={`Delete the route ${path}?`}
          confirmLabel="Delete"
          close={() => setDeleting(false)}
          onConfirm={() => attempt(async () => deleteRoute(workspace, path).then(changed))}
        >
          <p className={css.help}>Who calls it is answered 404 from then on. Runs that it started stay.</p>
        </Confirm>
      )}
    </li>
  );
}
