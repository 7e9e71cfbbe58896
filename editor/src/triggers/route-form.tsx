import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { sentence } from "../api/client";
import { resourcesQuery } from "../api/lists";
import { meQuery } from "../api/session";
import { type NewRoute, type Route, routesQuery, routeUrl, saveRoute } from "../api/triggers";
import { useEditor } from "../editing/context";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Dialog, dialogCss } from "../ui/dialog";
import css from "./triggers.module.css";

const METHODS = ["get", "post", "put", "patch", "delete"];
const ANSWERS: [string, string][] = [
  ["sync", "its result, at its end"],
  ["async", "the run's id, at once"],
  ["sync_sse", "events while it runs"],
];
const PROOFS: [string, string][] = [
  ["orvanta", "A token of this platform"],
  ["none", "Nothing: anybody may call it"],
  ["api_key", "A key in a header"],
  ["basic_http", "Name and password (HTTP Basic)"],
  ["signature", "A signature of the body"],
];

/** A route to make or change. */
export function RouteForm({ route, close }: { route: Route | null; close: () => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const queries = useQueryClient();
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const taken = useQuery(routesQuery(workspace, flow)).data?.length ?? 0;
  const [given, setGiven] = useState({
    path: route?.path ?? `${flow}_route${taken > 0 ? `_${taken + 1}` : ""}`,
    summary: route?.summary ?? "",
    route_path: route?.route_path ?? flow.split("/").slice(2).join("/"),
    http_method: route?.http_method ?? "post",
    request_type: route?.request_type ?? "sync",
    authentication_method: route?.authentication_method ?? "orvanta",
    authentication_resource_path: route?.authentication_resource_path ?? "",
    workspaced_route: route?.workspaced_route ?? true,
  });
  const put = (change: Partial<typeof given>) => setGiven((before) => ({ ...before, ...change }));
  const held = !["none", "orvanta"].includes(given.authentication_method);
  const saving = useMutation({
    mutationFn: async () => {
      const body = {
        ...given,
        script_path: flow,
        is_flow: true,
        summary: given.summary || null,
        authentication_resource_path: held ? given.authentication_resource_path : null,
      } as NewRoute;
      await saveRoute(workspace, body, route === null);
      await queries.invalidateQueries(routesQuery(workspace, flow));
    },
    onSuccess: close,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate();
  };
  return (
    <Dialog title={route ? `Route ${route.path}` : "New route"} close={close}>
      <form className={css.form} onSubmit={submit}>
        <div className={css.pair}>
          <Field label="Route" help=":name takes one part, *name at the end all that follow">
            <Input
              required
              value={given.route_path}
              spellCheck={false}
              onChange={(event) => put({ route_path: event.target.value })}
            />
          </Field>
          <Choose
            label="Method"
            value={given.http_method}
            options={METHODS.map((each) => [each, each.toUpperCase()])}
            set={(http_method) => put({ http_method })}
          />
        </div>
        <code className={css.url}>{routeUrl({ ...given, workspace_id: workspace })}</code>
        {superAdmin && (
          <label className={css.check}>
            <input
              type="checkbox"
              checked={given.workspaced_route}
              onChange={(event) => put({ workspaced_route: event.target.checked })}
            />
            Below the workspace's own name
          </label>
        )}
        <Choose
          label="It answers with"
          value={given.request_type}
          options={ANSWERS}
          set={(request_type) => put({ request_type })}
        />
        <Choose
          label="The caller proves itself with"
          value={given.authentication_method}
          options={PROOFS}
          set={(authentication_method) => put({ authentication_method })}
        />
        {held && (
          <Secret
            value={given.authentication_resource_path}
            set={(authentication_resource_path) => put({ authentication_resource_path })}
          />
        )}
        <Field label="Summary">
          <Input value={given.summary} onChange={(event) => put({ summary: event.target.value })} />
        </Field>
        {!route && (
          <Field label="Path">
            <Input value={given.path} spellCheck={false} onChange={(event) => put({ path: event.target.value })} />
          </Field>
        )}
        {saving.isError && (
          <p className={css.fault} role="alert">
            {sentence(saving.error)}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>Back</Button>
          <Button look="main" type="submit" disabled={saving.isPending}>
            {route ? "Save" : "Make the route"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The resource that a caller's proof is held against, of those that one may read. */
function Secret({ value, set }: { value: string; set: (value: string) => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const resources = useQuery(resourcesQuery(workspace, ""));
  const paths = (resources.data ?? []).map((each) => each.value.replace("$res:", ""));
  const none = resources.isSuccess && paths.length === 0;
  return (
    <Field
      label="Resource that holds the secret"
      help={none ? "There is no resource here that you may read. Make one by the API or the command line." : undefined}
    >
      <select className={controls.input} required value={value} onChange={(event) => set(event.target.value)}>
        <option value="">{resources.isPending ? "Loading …" : "Choose one"}</option>
        {[...new Set([...(value ? [value] : []), ...paths])].map((path) => (
          <option key={path}>{path}</option>
        ))}
      </select>
    </Field>
  );
}

function Choose(props: { label: string; value: string; options: [string, string][]; set: (value: string) => void }) {
  const { label, value, options, set } = props;
  return (
    <Field label={label}>
      <select className={controls.input} value={value} onChange={(event) => set(event.target.value)}>
        {options.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}
