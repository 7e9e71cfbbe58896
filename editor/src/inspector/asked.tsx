import { useState } from "react";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editing/context";
import { apply } from "../editing/store";
import { Button, IconButton, Input } from "../ui/controls";
import type { Change, Model } from "../workflow/commands";
import { type Asked, addAsked, askedOf, removeAsked, setAsked, TYPES } from "../workflow/inputs";
import { at, type Path } from "../workflow/types";
import css from "./inspector.module.css";

/** The fields that a JSON Schema of the document asks for: of the workflow's input, of an approval's form. */
export function AskedFields({ title, path, none }: { title: string; path: Path; none: string }) {
  const store = useEditorStore();
  const schema = useEditor((editor) => at(editor.tree, path));
  const [name, setName] = useState("");
  const fields = askedOf(schema);
  const change = (command: (model: Model) => Change, key: string | null = null) =>
    attempt(() => apply(store, command, key));
  const add = () => {
    change((model) => addAsked(model, path, name));
    setName("");
  };
  return (
    <section className={css.section} aria-label={title}>
      <h3>{title}</h3>
      {fields.length === 0 && <p className={css.help}>{none}</p>}
      {fields.map((field) => (
        <OneField key={field.name} field={field} path={path} change={change} />
      ))}
      <div className={css.row}>
        <Input
          aria-label={`Name of a field of ${title.toLowerCase()}`}
          placeholder="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && name && add()}
        />
        <Button icon="plus" disabled={!name} onClick={add}>
          Add field
        </Button>
      </div>
    </section>
  );
}

interface OneFieldProps {
  field: Asked;
  path: Path;
  change: (command: (model: Model) => Change, key?: string | null) => void;
}

function OneField({ field, path, change }: OneFieldProps) {
  const { name } = field;
  const set = (said: Parameters<typeof setAsked>[3], key: string | null = null) =>
    change((model) => setAsked(model, path, name, said), key);
  return (
    <div className={css.asked}>
      <code>{name}</code>
      <select
        className={css.select}
        aria-label={`Type of ${name}`}
        value={field.type}
        onChange={(event) => set({ type: event.target.value })}
      >
        {[...new Set([...TYPES, field.type])].map((type) => (
          <option key={type}>{type}</option>
        ))}
      </select>
      <label className={css.check}>
        <input type="checkbox" checked={field.required} onChange={(event) => set({ required: event.target.checked })} />
        <span>needed</span>
      </label>
      <IconButton
        label={`Remove the field ${name}`}
        icon="cross"
        onClick={() => change((model) => removeAsked(model, path, name))}
      />
      <Input
        aria-label={`What ${name} is`}
        placeholder="what it is"
        value={field.description}
        onChange={(event) => set({ description: event.target.value }, `${path.join(".")}.${name}`)}
      />
    </div>
  );
}
