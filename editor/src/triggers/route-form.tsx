import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { errorText } from "../api/client";
import { resourcesQuery } from "../api/options";
import { meQuery } from "../api/session";
import { type NewRoute, type Route, routesQuery, routeUrl, saveRoute } from "../api/triggers";
import { useEditor } from "../editor/context";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import css from "./triggers.module.css";

const METHODS = ["get", "post", "put", "patch", "delete"];
const RESPONSES: [string, string][] = [
  ["sync", "its result, at its end"],
  ["async", "the run's id, at once"],
  ["sync_sse", "events while it runs"],
];
const AUTHENTICATION: [string, string][] = [
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
  const [values, setGiven] = useState({
    path: route?.path ?? `${flow}_route${taken > 0 ? `_${taken + 1}` : ""}`,
    summary: route?.summary ?? "",
    route_path: route?.route_path ?? flow.split("/").slice(2).join("/"),
    http_method: route?.http_method ?? "post",
    request_type: route?.request_type ?? "sync",
    authentication_method: route?.authentication_method ?? "orvanta",
    authentication_resource_path: route?.authentication_resource_path ?? "",
    workspaced_route: route?.workspaced_route ?? true,
  });
  const update = (change: Partial<typeof values>) => setGiven((before) => ({ ...before, ...change }));
  const needsSecret = !["none", "orvanta"].includes(values.authentication_method);
  const saving = useMutation({
    mutationFn: async () => {
      const body = {
        ...values,
        script_path: flow,
        is_flow: true,
        summary: values.summary || null,
        authentication_resource_path: needsSecret ? values.authentication_resource_path : null,
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
              value={values.route_path}
              spellCheck={false}
              onChange={(event) => update({ route_path: event.target.value })}
            />
          </Field>
          <Choose
            label="Method"
            value={values.http_method}
            options={METHODS.map((each) => [each, each.toUpperCase()])}
            set={(http_method) => update({ http_method })}
          />
        </div>
        <code className={css.url}>{routeUrl({ ...values, workspace_id: workspace })}</code>
        {superAdmin && (
          <label className={css.check}>
            <input
              type="checkbox"
              checked={values.workspaced_route}
              onChange={(event) => update({ workspaced_route: event.target.checked })}
            />
            Below the workspace's own name
          </label>
        )}
        <Choose
          label="It answers with"
          value={values.request_type}
          options={RESPONSES}
          set={(request_type) => update({ request_type })}
        />
        <Choose
          label="The caller proves itself with"
          value={values.authentication_method}
          options={AUTHENTICATION}
          set={(authentication_method) => update({ authentication_method })}
        />
        {needsSecret && (
          <SecretField
            value={values.authentication_resource_path}
            set={(authentication_resource_path) => update({ authentication_resource_path })}
          />
        )}
        <Field label="Summary">
          <Input value={values.summary} onChange={(event) => update({ summary: event.target.value })} />
        </Field>
        {!route && (
          <Field label="Path">
            <Input value={values.path} spellCheck={false} onChange={(event) => update({ path: event.target.value })} />
          </Field>
        )}
        {saving.isError && (
          <p className={css.error} role="alert">
            {errorText(saving.error)}
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
function SecretField({ value, set }: { value: string; set: (value: string) => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const resources = useQuery(resourcesQuery(workspace, ""));
  const paths = (resources.data ?? []).map((each) => each.value.replace("$res:", ""));
  const none = resources.isSuccess && paths.length === 0;
  return (
    <Field
      label="Resource that holds the secret"
      help={none ? "There is no resource here that you may read. Make one by the API or the command line." : undefined}
    >
      <Select required value={value} set={(next) => set(next)}>
        <option value="">{resources.isPending ? "Loading …" : "Choose one"}</option>
        {[...new Set([...(value ? [value] : []), ...paths])].map((path) => (
          <option key={path}>{path}</option>
        ))}
      </Select>
    </Field>
  );
}

function Choose(props: { label: string; value: string; options: [string, string][]; set: (value: string) => void }) {
  const { label, value, options, set } = props;
  return (
    <Field label={label}>
      <Select value={value} set={(next) => set(next)}>
        {options.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </Select>
    </Field>
  );
}
