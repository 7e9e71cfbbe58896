import { t } from "../texts/workflow";
import { inputReferencesAfter, setField } from "./commands";
import type { Edit } from "./edit";
import { CommandError } from "./lanes";
import type { Change, Model } from "./model";
import { at, isTree, type Json, type Path, type Tree, text } from "./types";

/** One field of a JSON Schema of an object. */
export interface SchemaField {
  name: string;
  type: string;
  /** Its type, or the kind of a text that is entered otherwise. */
  kind: string;
  /** Label in forms; empty: its name. */
  label: string;
  /** Texts of a choice. */
  choices: string[];
  /** Type of the items of a list; empty if it is not known. */
  items: string;
  default: Json | undefined;
  description: string;
  required: boolean;
}

/** Kinds of texts besides "string", by what their definitions have. */
export const TEXT_KINDS = ["choice", "date", "textarea"] as const;
export const TYPES = ["string", "number", "integer", "boolean", "array", "object"] as const;
const NAME = /^[A-Za-z_]\w*$/;

export function schemaFields(schema: Json | undefined): SchemaField[] {
  const { properties, required, order } = partsOf(schema);
  const names = Object.keys(properties);
  const inOrder = [...order.filter((name) => names.includes(name)), ...names.filter((name) => !order.includes(name))];
  return inOrder.map((name) => {
    const found = properties[name] ?? null;
    const definition = isTree(found) ? found : {};
    return {
      name,
      type: text(definition.type) || "string",
      ...kindOf(definition),
      label: text(definition.title),
      items: text(at(definition, ["items", "type"])),
      default: definition.default,
      description: text(definition.description),
      required: required.includes(name),
    };
  });
}

function kindOf(definition: Tree): { kind: string; choices: string[] } {
  const type = text(definition.type) || "string";
  const choices = Array.isArray(definition.enum) ? definition.enum : null;
  if (type !== "string") return { kind: type, choices: [] };
  if (choices?.every((each) => typeof each === "string")) return { kind: "choice", choices };
  const format = text(definition.format);
  return { kind: TEXT_KINDS.some((each) => each === format) ? format : type, choices: [] };
}

function partsOf(schema: Json | undefined): { properties: Tree; required: string[]; order: string[] } {
  const definition = isTree(schema ?? null) ? (schema as Tree) : {};
  const words = (value: Json | undefined) =>
    Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
  return {
    properties: isTree(definition.properties ?? null) ? (definition.properties as Tree) : {},
    required: words(definition.required),
    order: words(definition.order),
  };
}

export function addSchemaField(model: Model, path: Path, name: string): Change {
  if (!NAME.test(name)) throw new CommandError(t("workflow.invalidField"));
  const { properties, order } = partsOf(at(model.tree, path));
  if (Object.hasOwn(properties, name)) throw new CommandError(t("workflow.fieldExists", { field: name }));
  const title = t("workflow.addField", { field: name });
  const field: Json = { type: "string" };
  if (!isTree(at(model.tree, path) ?? null)) {
    return setField(model, path, { type: "object", properties: { [name]: field }, required: [] }, title);
  }
  const edits: Edit[] = setField(model, [...path, "properties", name], field, "").edits;
  if (order.length > 0) edits.push({ op: "set", path: [...path, "order"], value: [...order, name] });
  return { name: title, edits };
}

export function removeSchemaField(model: Model, path: Path, name: string): Change {
  const { properties, required, order } = partsOf(at(model.tree, path));
  const left = Object.fromEntries(Object.entries(properties).filter(([each]) => each !== name));
  const edits: Edit[] =
    Object.keys(left).length === 0
      ? [{ op: "set", path: [...path, "properties"], value: {} }]
      : [{ op: "remove", path: [...path, "properties", name] }];
  if (required.includes(name)) edits.push(list(path, "required", required, name));
  if (order.includes(name)) edits.push(list(path, "order", order, name));
  return { name: t("workflow.removeField", { field: name }), edits };
}

const list = (path: Path, key: string, names: string[], gone: string): Edit => ({
  op: "set",
  path: [...path, key],
  value: names.filter((name) => name !== gone),
});

/** Rename a field; an input of the workflow also in expressions. Throws CommandError if the name is in use or invalid. */
export function renameSchemaField(model: Model, path: Path, name: string, newName: string): Change {
  if (newName === name) return { name: "", edits: [] };
  if (!NAME.test(newName)) throw new CommandError(t("workflow.invalidField"));
  const { properties, required, order } = partsOf(at(model.tree, path));
  if (Object.hasOwn(properties, newName)) throw new CommandError(t("workflow.fieldExists", { field: newName }));
  const renamed = (each: string) => (each === name ? newName : each);
  const entries = Object.entries(properties).map(([each, definition]) => [renamed(each), definition]);
  const edits: Edit[] = [{ op: "set", path: [...path, "properties"], value: Object.fromEntries(entries) }];
  if (required.includes(name)) edits.push({ op: "set", path: [...path, "required"], value: required.map(renamed) });
  if (order.includes(name)) edits.push({ op: "set", path: [...path, "order"], value: order.map(renamed) });
  if (path.join() === "schema") edits.push(...inputReferencesAfter(model.tree, name, newName));
  return { name: t("workflow.editField", { field: name }), edits };
}

/** Move a field one place up (-1) or down (1) in the forms. */
export function moveSchemaField(model: Model, path: Path, name: string, by: -1 | 1): Change {
  const names = fieldNames(at(model.tree, path));
  const to = names.indexOf(name) + by;
  if (to < 0 || to >= names.length) return { name: "", edits: [] };
  const order = names.filter((each) => each !== name).toSpliced(to, 0, name);
  const title = t(by < 0 ? "workflow.moveFieldUp" : "workflow.moveFieldDown", { field: name });
  return setField(model, [...path, "order"], order, title);
}

/** Members of the definition of a field that depend on its type. */
const OF_TYPE = ["items", "properties", "required", "default", "enum", "format"];

export interface SchemaFieldChange {
  kind?: string;
  label?: string;
  choices?: string[];
  items?: string;
  default?: Json | undefined;
  description?: string;
  required?: boolean;
}

export function setSchemaField(model: Model, path: Path, name: string, change: SchemaFieldChange): Change {
  const title = t("workflow.editField", { field: name });
  const field = [...path, "properties", name];
  if (change.required !== undefined) {
    const { required } = partsOf(at(model.tree, path));
    const rest = required.filter((each) => each !== name);
    return setField(model, [...path, "required"], change.required ? [...rest, name] : rest, title);
  }
  if (change.label !== undefined) return setField(model, [...field, "title"], change.label || undefined, title);
  if (change.choices !== undefined) return setField(model, [...field, "enum"], change.choices, title);
  if (change.kind !== undefined) {
    const kind = change.kind;
    const isText = TEXT_KINDS.some((each) => each === kind);
    const outdated = OF_TYPE.filter((key) => at(model.tree, [...field, key]) !== undefined);
    const edits = outdated.map((key): Edit => ({ op: "remove", path: [...field, key] }));
    edits.push(...setField(model, [...field, "type"], isText ? "string" : kind, "").edits);
    // A list of choices is never empty.
    if (kind === "choice") edits.push({ op: "set", path: [...field, "enum"], value: [t("workflow.firstChoice")] });
    else if (isText) edits.push({ op: "set", path: [...field, "format"], value: kind });
    return { name: title, edits };
  }
  if (change.items !== undefined) {
    return setField(model, [...field, "items"], change.items ? { type: change.items } : undefined, title);
  }
  if (Object.hasOwn(change, "default")) return setField(model, [...field, "default"], change.default, title);
  return setField(model, [...field, "description"], change.description || undefined, title);
}

/** Return the names of the properties of a JSON Schema, in its order. */
export function fieldNames(schema: unknown): string[] {
  return schemaFields((schema ?? undefined) as Json | undefined).map((field) => field.name);
}
