import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  createResource,
  type Resource,
  type ResourceChange,
  resourceListQuery,
  resourceQuery,
  resourceTypesQuery,
  updateResource,
} from "../api/resources";
import { InputFields, useInputs } from "../forms/input-form";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Dialog } from "../ui/dialog";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { isTree, type Json, type Tree } from "../workflow/types";
import { useBaseVersion } from "./base-version";
import { ConnectionTest, TESTED_TYPES } from "./connection-test";
import { type ItemPath, itemField, useItemPath } from "./item-path";
import { FormDialog, Loaded, missing, useSubmission } from "./parts";
import { formSchema, formValues, resourceValue } from "./resource-form";

interface DialogProps {
  workspace: string;
  close: () => void;
}

interface NewResourceProps extends DialogProps {
  /** Type that the resource must have; "" lets the user choose. */
  onlyType?: string;
  /** Folder that is selected first. */
  folder?: string;
  /** Id that is entered first. */
  name?: string;
  /** Type that is selected first. */
  firstType?: string;
  /** Receives the path of the new resource. */
  done?: (path: string) => void;
}

/** Dialog that creates a resource: its path, its type and the fields of the type. */
export function NewResourceDialog({ workspace, onlyType = "", folder = "", done, close, ...first }: NewResourceProps) {
  const types = useQuery(resourceTypesQuery(workspace));
  const taken = useQuery(resourceListQuery(workspace)).data?.map((each) => each.path) ?? [];
  const created = useItemPath(workspace, new Set(taken), folder, first.name);
  const [type, setType] = useState(onlyType || (first.firstType ?? ""));
  const chosen = types.data?.find((each) => each.name === type);
  return (
    <ResourceForm
      workspace={workspace}
      resource={null}
      created={created}
      type={type}
      setType={onlyType ? undefined : setType}
      types={types.data?.map((each) => each.name) ?? []}
      schema={(chosen?.schema ?? null) as Json}
      done={done}
      close={close}
    />
  );
}

/** Dialog that changes a resource. */
export function EditResourceDialog({ workspace, path, close }: DialogProps & { path: string }) {
  const resource = useQuery(resourceQuery(workspace, path));
  const types = useQuery(resourceTypesQuery(workspace));
  if (!resource.data || !types.data) {
    return (
      <Dialog title={t("settings.editItem", { name: path })} close={close}>
        <Loaded query={resource.error ? resource : types} />
      </Dialog>
    );
  }
  const type = resource.data.resource_type;
  const found = types.data.find((each) => each.name === type);
  const schema = (found?.schema ?? null) as Json;
  return <ResourceForm workspace={workspace} resource={resource.data} type={type} schema={schema} close={close} />;
}

interface FormProps extends DialogProps {
  /** Null for a new resource, which has a path and a choice of its type. */
  resource: Resource | null;
  created?: ItemPath;
  type: string;
  setType?: ((type: string) => void) | undefined;
  types?: string[];
  schema: Json;
  done?: ((path: string) => void) | undefined;
}

function ResourceForm({ workspace, resource, created, type, setType, types, schema, done, close }: FormProps) {
  const queries = useQueryClient();
  const submission = useSubmission(itemField);
  const [description, setDescription] = useState(resource?.description ?? "");
  const [stored, setStored] = useState(resource?.path ?? null);
  const version = useBaseVersion(resource?.version);
  const value = useValue(schema, resource);
  const { errors } = submission;
  const choose = (next: string) => {
    setType?.(next);
    value.reset();
    submission.clear();
  };
  const save = async () => {
    const read = value.read();
    const path = stored ?? created?.path ?? "";
    const problems = {
      path: stored === null ? created?.problem : undefined,
      type: missing(type),
      value: read === undefined ? t("ui.required") : undefined,
    };
    const change: ResourceChange = { resource_type: type, value: read ?? null, description };
    const send = () =>
      stored === null
        ? createResource(workspace, path, change)
        : version.save((base) => updateResource(workspace, path, change, base));
    if (!(await submission.send(send, problems))) return null;
    created?.remember();
    setStored(path);
    await queries.invalidateQueries({ queryKey: ["resources", workspace] });
    // The form stays open after it was saved for a test of the connection. It was saved even if this request fails.
    const saved = await queries.fetchQuery(resourceQuery(workspace, path)).catch(() => undefined);
    if (saved) version.rebase(saved.version);
    return path;
  };
  const submit = async () => {
    const path = await save();
    if (path === null) return;
    notify(t("settings.saved", { name: path }));
    close();
    done?.(path);
  };
  return (
    <FormDialog
      title={titleOf(stored, setType ? "" : type)}
      submitLabel={stored === null ? t("settings.create") : t("ui.save")}
      submission={submission}
      ready={created?.ready ?? true}
      submit={submit}
      close={close}
    >
      {stored === null && created?.fields(errors.path)}
      {stored === null && setType && (
        <Field label={t("settings.type")} error={errors.type}>
          <Select value={type} set={choose}>
            <option value="">{t("settings.choose")}</option>
            {types?.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        </Field>
      )}
      {type && value.fields}
      <Field label={t("ui.description")}>
        <Input value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
      {TESTED_TYPES.includes(type) && <ConnectionTest workspace={workspace} save={save} />}
    </FormDialog>
  );
}

/** Return the title of the form. `stored`: path of a resource that exists. `onlyType`: type that a new resource must have. */
function titleOf(stored: string | null, onlyType: string): string {
  if (stored !== null) return t("settings.editItem", { name: stored });
  return onlyType ? t("settings.newTypedResource", { type: onlyType }) : t("settings.newResource");
}

/** State of the value of a resource. */
interface ValueState {
  fields: React.ReactNode;
  /** Return the value; undefined, and show the errors, if a field is invalid. */
  read: () => Json | undefined;
  /** Return to the first value, as for another type. */
  reset: () => void;
}

const HAS_FIELDS = "properties";

/** Return the value of a resource as the fields of its schema, or as JSON if the type has no fields. */
function useValue(schema: Json, resource: Resource | null): ValueState {
  const stored: Tree = isTree(resource?.value) ? (resource.value as Tree) : {};
  const inputs = useInputs(formSchema(schema, stored), formValues(schema, stored));
  const json = useJson(resource?.value as Json | undefined);
  if (!isTree(schema) || !(HAS_FIELDS in schema)) return json;
  return {
    fields: <InputFields inputs={inputs} />,
    read: () => {
      const args = inputs.read();
      return args ? resourceValue(schema, stored, args) : undefined;
    },
    reset: inputs.reset,
  };
}

function useJson(stored: Json | undefined): ValueState {
  const first = JSON.stringify(stored ?? {}, null, 2);
  const [typed, setTyped] = useState(first);
  const [error, setError] = useState<string | undefined>(undefined);
  return {
    fields: (
      <Field label={t("settings.value")} help={t("settings.valueJson")} error={error}>
        <textarea
          className={controls.input}
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </Field>
    ),
    read: () => {
      try {
        setError(undefined);
        return parseJson(typed) as Json;
      } catch {
        setError(t("settings.notJson"));
        return undefined;
      }
    },
    reset: () => {
      setTyped(first);
      setError(undefined);
    },
  };
}
