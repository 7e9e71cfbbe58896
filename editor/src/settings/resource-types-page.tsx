import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ownMemberQuery } from "../api/members";
import {
  createResourceType,
  deleteResourceType,
  type ResourceType,
  resourceTypesQuery,
  updateResourceType,
} from "../api/resources";
import { parseJson } from "../lib/exact-number";
import { References } from "../references/references";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { textOfCode } from "../texts/t";
import { EditButton } from "../ui/access-buttons";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { notify } from "../ui/toasts";
import { schemaFields } from "../workflow/schema-fields";
import { isTree, type Json } from "../workflow/types";
import { DeleteButton } from "./delete-button";
import { FormDialog, missing, Problem, SearchedList, useSubmission } from "./parts";
import css from "./settings.module.css";

const NEW_SCHEMA: Json = {
  type: "object",
  properties: { url: { type: "string" }, token: { type: "string", password: true } },
  required: ["url"],
};

/** Types of resources: those of the platform and those of the workspace. */
export function ResourceTypesPage() {
  const { workspace = "" } = useParams();
  const types = useQuery(resourceTypesQuery(workspace));
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.resourceTypes")}</h1>
        <EditButton look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newType")}
        </EditButton>
      </div>
      <p className={css.about}>{t("settings.typesHint")}</p>
      <SearchedList
        label={t("settings.resourceTypes")}
        query={types}
        keyOf={(each) => each.name}
        textOf={(each) => `${each.name} ${describe(each)}`}
        empty={[t("settings.noTypes"), t("settings.noTypesHint")]}
        row={(each) => <TypeRow workspace={workspace} type={each} admin={admin} />}
      />
      {creating && <TypeDialog workspace={workspace} type={null} close={() => setCreating(false)} />}
    </main>
  );
}

const isOwn = (type: ResourceType): boolean => type.workspace_id !== undefined;

/** Return the description of a type. That of the platform is translated. */
function describe(type: ResourceType): string {
  const { name, description = "" } = type;
  return isOwn(type) ? description : textOfCode(`codes.resourceType_${name}`, description);
}

function TypeRow({ workspace, type, admin }: { workspace: string; type: ResourceType; admin: boolean }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [editing, setEditing] = useState(false);
  const { name } = type;
  const own = isOwn(type);
  const fields = schemaFields((type.schema ?? null) as Json).map((field) => field.name);
  const remove = async () => {
    await deleteResourceType(workspace, name);
    await queries.invalidateQueries(resourceTypesQuery(workspace));
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{name}</span>
          <span className={css.chip}>{own ? t("settings.ofWorkspace") : t("settings.ofPlatform")}</span>
        </span>
        <span className={css.facts}>
          <span>{describe(type)}</span>
          {fields.length > 0 && <span>{t("settings.fieldsOf", { names: fields.join(", ") })}</span>}
        </span>
      </div>
      {admin && (
        <div className={css.tools}>
          <Button icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name })}>
            {t("ui.edit")}
          </Button>
          {own && (
            <DeleteButton name={name} hint={t("settings.deleteTypeHint")} submission={submission} remove={remove}>
              <References workspace={workspace} kind="resource_type" path={name} />
            </DeleteButton>
          )}
        </div>
      )}
      <Problem text={submission.errors[""]} />
      {editing && <TypeDialog workspace={workspace} type={type} close={() => setEditing(false)} />}
    </>
  );
}

interface DialogProps {
  workspace: string;
  /** Null for a new type. */
  type: ResourceType | null;
  close: () => void;
}

function TypeDialog({ workspace, type, close }: DialogProps) {
  const queries = useQueryClient();
  const submission = useSubmission(({ code, message }) => {
    if (code === "already_exists") return "name";
    return message.includes("schema") || code === "schema_too_complex" ? "schema" : "";
  });
  const [name, setName] = useState(type?.name ?? "");
  const [description, setDescription] = useState(type?.description ?? "");
  const [schema, setSchema] = useState(JSON.stringify(type?.schema ?? NEW_SCHEMA, null, 2));
  const { errors } = submission;
  const submit = async () => {
    const parsed = parse(schema);
    const problems = { name: missing(name), schema: isTree(parsed) ? undefined : t("settings.notJson") };
    const change = { schema: parsed ?? null, description };
    const save = () =>
      type ? updateResourceType(workspace, name, change) : createResourceType(workspace, name.trim(), change);
    if (!(await submission.send(save, problems))) return;
    notify(t("settings.saved", { name }));
    close();
    await queries.invalidateQueries(resourceTypesQuery(workspace));
  };
  return (
    <FormDialog
      title={type ? t("settings.editItem", { name }) : t("settings.newType")}
      submitLabel={type ? t("ui.save") : t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      {!type && (
        <Field label={t("ui.name")} error={errors.name}>
          <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t("ui.description")}>
        <Input value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
      <Field label={t("settings.schema")} help={t("settings.schemaHint")} error={errors.schema}>
        <textarea
          className={controls.input}
          rows={12}
          spellCheck={false}
          value={schema}
          onChange={(event) => setSchema(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text) as Json;
  } catch {
    return undefined;
  }
}
