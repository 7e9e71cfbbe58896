import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { resourcesQuery } from "../api/options";
import { otherOrigin, useServerUrl } from "../api/server-url";
import { meQuery } from "../api/session";
import { type NewRoute, type Route, routesQuery, routeUrl, saveRoute } from "../api/triggers";
import { useEditor } from "../editor/context";
import { t } from "../texts/triggers";
import { Field, Input } from "../ui/controls";
import { OtherOrigin } from "../ui/other-origin";
import { Select } from "../ui/select";
import { TriggerDialog } from "./trigger-dialog";
import css from "./triggers.module.css";

const METHODS = ["get", "post", "put", "patch", "delete"];
const RESPONSES: [string, string][] = [
  ["sync", t("triggers.responseResult")],
  ["async", t("triggers.responseId")],
  ["sync_sse", t("triggers.responseEvents")],
];
const AUTHENTICATION: [string, string][] = [
  ["orvanta", t("triggers.authToken")],
  ["none", t("triggers.authNone")],
  ["api_key", t("triggers.authKey")],
  ["basic_http", t("triggers.authBasic")],
  ["signature", t("triggers.authSignature")],
];

/** Dialog that creates or changes a route. */
export function HttpTriggerForm({ route, close }: { route: Route | null; close: () => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const serverUrl = useServerUrl(workspace);
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
  return (
    <TriggerDialog
      title={route ? t("triggers.httpTriggerNamed", { path: route.path }) : t("triggers.newHttpTrigger")}
      path={route ? null : values.path}
      setPath={(path) => update({ path })}
      createLabel={t("triggers.createHttpTrigger")}
      saving={saving}
      submit={() => saving.mutate()}
      close={close}
    >
      <div className={css.pair}>
        <Field label={t("triggers.route")} help={t("triggers.routeHint")}>
          <Input
            required
            value={values.route_path}
            spellCheck={false}
            onChange={(event) => update({ route_path: event.target.value })}
          />
        </Field>
        <Choose
          label={t("triggers.method")}
          value={values.http_method}
          options={METHODS.map((each) => [each, each.toUpperCase()])}
          set={(http_method) => update({ http_method })}
        />
      </div>
      <code className={css.url}>{routeUrl(serverUrl, { ...values, workspace_id: workspace })}</code>
      <OtherOrigin origin={otherOrigin(serverUrl)} url={serverUrl} />
      {superAdmin && (
        <label className={css.check}>
          <input
            type="checkbox"
            checked={values.workspaced_route}
            onChange={(event) => update({ workspaced_route: event.target.checked })}
          />
          {t("triggers.workspaced")}
        </label>
      )}
      <Choose
        label={t("triggers.response")}
        value={values.request_type}
        options={RESPONSES}
        set={(request_type) => update({ request_type })}
      />
      <Choose
        label={t("triggers.authentication")}
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
      <Field label={t("triggers.summary")}>
        <Input value={values.summary} onChange={(event) => update({ summary: event.target.value })} />
      </Field>
    </TriggerDialog>
  );
}

/** Selection of the resource whose secret authenticates callers, among those that the user can read. */
function SecretField({ value, set }: { value: string; set: (value: string) => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const resources = useQuery(resourcesQuery(workspace, ""));
  const paths = (resources.data ?? []).map((each) => each.value.replace("$res:", ""));
  const none = resources.isSuccess && paths.length === 0;
  return (
    <Field label={t("triggers.secret")} help={none ? t("triggers.noSecret") : undefined}>
      <Select required value={value} set={(next) => set(next)}>
        <option value="">{resources.isPending ? t("ui.loading") : t("triggers.chooseSecret")}</option>
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
