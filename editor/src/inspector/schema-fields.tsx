import { useState } from "react";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { readFields } from "../forms/values";
import { t } from "../texts/inspector";
import { Button, IconButton, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { withCode } from "../ui/with-code";
import type { Change, Model } from "../workflow/commands";
import {
  addSchemaField,
  moveSchemaField,
  removeSchemaField,
  renameSchemaField,
  type SchemaField,
  type SchemaFieldChange,
  schemaFields,
  setSchemaField,
  TEXT_KINDS,
  TYPES,
} from "../workflow/schema-fields";
import { at, type Json, type Path } from "../workflow/types";

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
      {fields.map((field, place) => (
        <SchemaFieldRow
          // biome-ignore lint/suspicious/noArrayIndexKey: a renamed field stays, with a control that is clicked meanwhile
          key={place}
          field={field}
          path={path}
          isFirst={place === 0}
          isLast={place === fields.length - 1}
          change={change}
        />
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
  isFirst: boolean;
  isLast: boolean;
  change: (command: (model: Model) => Change, key?: string | null) => void;
}

function SchemaFieldRow({ field, path, isFirst, isLast, change }: SchemaFieldRowProps) {
  const { name } = field;
  const set = (values: SchemaFieldChange, key: string | null = null) =>
    change((model) => setSchemaField(model, path, name, values), key);
  const own = [...path, "properties", name];
  const objects = field.type === "object" ? own : field.items === "object" ? [...own, "items"] : null;
  return (
    <div className={css.schemaField}>
      <FieldName name={name} rename={(next) => change((model) => renameSchemaField(model, path, name, next))} />
      <TypeSelect
        label={t("inspector.fieldType", { field: name })}
        type={field.kind}
        kinds={TEXT_KINDS}
        set={(kind) => set({ kind })}
      />
      <label className={css.check}>
        <input type="checkbox" checked={field.required} onChange={(event) => set({ required: event.target.checked })} />
        <span>{t("ui.required")}</span>
      </label>
      <IconButton
        label={t("workflow.removeField", { field: name })}
        icon="cross"
        onClick={() => change((model) => removeSchemaField(model, path, name))}
      />
      <div className={css.fieldDetails}>
        <Input
          aria-label={t("inspector.labelOf", { field: name })}
          placeholder={t("inspector.label")}
          value={field.label}
          onChange={(event) => set({ label: event.target.value }, `${path.join(".")}.${name}.title`)}
        />
        {field.kind === "choice" && (
          <Choices key={name} field={field} set={(choices) => set({ choices }, `${path.join(".")}.${name}.enum`)} />
        )}
        {field.type === "array" && (
          <TypeSelect
            label={t("inspector.itemType", { field: name })}
            type={field.items}
            any={t("inspector.anyItems")}
            set={(items) => set({ items })}
          />
        )}
        <div className={css.row}>
          <Input
            aria-label={t("inspector.fieldDescription", { field: name })}
            placeholder={t("ui.description")}
            value={field.description}
            onChange={(event) => set({ description: event.target.value }, `${path.join(".")}.${name}`)}
          />
          <IconButton
            label={t("workflow.moveFieldUp", { field: name })}
            icon="up"
            disabled={isFirst}
            onClick={() => change((model) => moveSchemaField(model, path, name, -1))}
          />
          <IconButton
            label={t("workflow.moveFieldDown", { field: name })}
            icon="down"
            disabled={isLast}
            onClick={() => change((model) => moveSchemaField(model, path, name, 1))}
          />
        </div>
        <DefaultField
          key={name}
          field={field}
          set={(value) => set({ default: value }, `${path.join(".")}.${name}.default`)}
        />
      </div>
      {objects && (
        <div className={css.fieldDetails}>
          <SchemaFields
            key={name}
            title={t("inspector.fieldsOf", { field: name })}
            path={objects}
            none={t("inspector.noFields")}
          />
        </div>
      )}
    </div>
  );
}

/** The name of a field, changed when it loses the focus: every letter would rewrite the expressions that read it. */
function FieldName({ name, rename }: { name: string; rename: (next: string) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <Input
      aria-label={t("inspector.nameOf", { field: name })}
      value={typed ?? name}
      spellCheck={false}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={() => {
        if (typed !== null) rename(typed);
        setTyped(null);
      }}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}

interface TypeSelectProps {
  label: string;
  type: string;
  /** Name of the choice of no type. */
  any?: string;
  /** Kinds besides the types. */
  kinds?: readonly (keyof typeof KINDS)[];
  set: (type: string) => void;
}

const KINDS = {
  choice: t("inspector.choice"),
  date: t("inspector.date"),
  textarea: t("inspector.longText"),
};

function TypeSelect({ label, type, any, kinds = [], set }: TypeSelectProps) {
  return (
    <Select aria-label={label} value={type} set={set}>
      {any !== undefined && <option value="">{any}</option>}
      {kinds.map((each) => (
        <option key={each} value={each}>
          {KINDS[each]}
        </option>
      ))}
      {[...new Set([...TYPES, ...(type && !(type in KINDS) ? [type] : [])])].map((each) => (
        <option key={each} value={each}>
          {any === undefined ? each : t("inspector.items", { type: each })}
        </option>
      ))}
    </Select>
  );
}

/** The texts of a choice, one in each line. The last one is not removed. */
function Choices({ field, set }: { field: SchemaField; set: (choices: string[]) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <textarea
      className={controls.input}
      rows={Math.max(2, field.choices.length)}
      aria-label={t("inspector.choicesOf", { field: field.name })}
      placeholder={t("inspector.choices")}
      value={typed ?? field.choices.join("\n")}
      onChange={({ target }) => {
        setTyped(target.value);
        const lines = target.value.split("\n").map((each) => each.trim());
        const choices = [...new Set(lines.filter(Boolean))];
        if (choices.length > 0) set(choices);
      }}
      onBlur={() => setTyped(null)}
    />
  );
}

const shownDefault = (value: Json | undefined): string =>
  typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);

/** The default of a field. A text that is no value of its type is refused. */
function DefaultField({ field, set }: { field: SchemaField; set: (value: Json | undefined) => void }) {
  const { name, type } = field;
  const [typed, setTyped] = useState<string | null>(null);
  const schema = { type: "object", properties: { [name]: { type } } };
  const read = (text: string) => readFields([name], { [name]: text }, schema);
  const error = typed === null ? undefined : read(typed).wrong[name];
  return (
    <div>
      <Input
        aria-label={t("inspector.defaultOf", { field: name })}
        placeholder={t("inspector.default")}
        value={typed ?? shownDefault(field.default)}
        onChange={({ target }) => {
          const { args, wrong } = read(target.value);
          setTyped(target.value);
          if (wrong[name] === undefined) set(args[name]);
        }}
        onBlur={() => error === undefined && setTyped(null)}
      />
      {error && (
        <p className={css.problem} role="alert">
          {withCode(error)}
        </p>
      )}
    </div>
  );
}
