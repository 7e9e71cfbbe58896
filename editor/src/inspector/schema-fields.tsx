import { useState } from "react";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { t } from "../texts/inspector";
import { Button, IconButton, Input } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import type { Change, Model } from "../workflow/commands";
import {
  addSchemaField,
  removeSchemaField,
  type SchemaField,
  schemaFields,
  setSchemaField,
  TYPES,
} from "../workflow/schema-fields";
import { at, type Path } from "../workflow/types";

/** The fields of a JSON Schema of the document: the input of the workflow or the form of an approval. */
export function SchemaFields({ title, path, none: emptyText }: { title: string; path: Path; none: string }) {
  const store = useEditorStore();
  const schema = useEditor((editor) => at(editor.tree, path));
  const [name, setName] = useState("");
  const fields = schemaFields(schema);
  const change = (command: (model: Model) => Change, key: string | null = null) =>
    attempt(() => apply(store, command, key));
  const add = () => {
    change((model) => addSchemaField(model, path, name));
    setName("");
  };
  return (
    <section className={css.section} aria-label={title}>
      <h3>{title}</h3>
      {fields.length === 0 && <p className={css.help}>{emptyText}</p>}
      {fields.map((field) => (
        <SchemaFieldRow key={field.name} field={field} path={path} change={change} />
      ))}
      <div className={css.row}>
        <Input
          aria-label={t("inspector.fieldName")}
          placeholder={t("inspector.fieldName")}
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && name && add()}
        />
        <Button icon="plus" disabled={!name} onClick={add}>
          {t("inspector.addField")}
        </Button>
      </div>
    </section>
  );
}

interface SchemaFieldRowProps {
  field: SchemaField;
  path: Path;
  change: (command: (model: Model) => Change, key?: string | null) => void;
}

function SchemaFieldRow({ field, path, change }: SchemaFieldRowProps) {
  const { name } = field;
  const set = (values: Parameters<typeof setSchemaField>[3], key: string | null = null) =>
    change((model) => setSchemaField(model, path, name, values), key);
  return (
    <div className={css.schemaField}>
      <code>{name}</code>
      <Select
        aria-label={t("inspector.fieldType", { field: name })}
        value={field.type}
        set={(next) => set({ type: next })}
      >
        {[...new Set([...TYPES, field.type])].map((type) => (
          <option key={type}>{type}</option>
        ))}
      </Select>
      <label className={css.check}>
        <input type="checkbox" checked={field.required} onChange={(event) => set({ required: event.target.checked })} />
        <span>{t("ui.required")}</span>
      </label>
      <IconButton
        label={t("workflow.removeField", { field: name })}
        icon="cross"
        onClick={() => change((model) => removeSchemaField(model, path, name))}
      />
      <Input
        aria-label={t("inspector.fieldDescription", { field: name })}
        placeholder={t("ui.description")}
        value={field.description}
        onChange={(event) => set({ description: event.target.value }, `${path.join(".")}.${name}`)}
      />
    </div>
  );
}
