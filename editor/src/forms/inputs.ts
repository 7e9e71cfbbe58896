import { ApiError, errorText } from "../api/client";
import { t } from "../texts/forms";
import { at, isTree, type Json, type Tree } from "../workflow/types";

/** Texts by name of the input. */
export type Texts = Record<string, string>;

/** Return the definitions of the inputs of a schema. */
export function propertiesOf(schema: Json | undefined): Tree {
  const found = at(schema, ["properties"]) ?? null;
  return isTree(found) ? found : {};
}

export function typeOf(definition: Json | undefined): string {
  const type = at(definition, ["type"]);
  return typeof type === "string" ? type : Array.isArray(type) ? String(type[0]) : "string";
}

/** Return the resource type of an input; null of other inputs. */
export function resourceOf(definition: Json | undefined): string | null {
  const format = at(definition, ["format"]);
  return typeof format === "string" && format.startsWith("resource-") ? format.slice("resource-".length) : null;
}

/** Return whether the value of an input is a secret, which is not shown while it is typed. */
export function isSecret(definition: Json | undefined): boolean {
  return at(definition, ["password"]) === true || at(definition, ["format"]) === "password";
}

/** Return the texts of the fields for values, with the defaults of the schema where a value is missing. */
export function initialFields(names: string[], properties: Tree, values: Tree): Texts {
  return Object.fromEntries(
    names.map((name) => {
      const value = values[name] ?? at(properties[name], ["default"]);
      if (value === undefined || value === null) return [name, ""];
      return [name, typeof value === "string" ? value : JSON.stringify(value, null, 2)];
    }),
  );
}

/** Return the values of the fields, and an error for each text that is no value of its input. Empty fields have no value. */
export function readFields(names: string[], fields: Texts, schema: Json | undefined): { args: Tree; wrong: Texts } {
  const properties = propertiesOf(schema);
  const args: Tree = {};
  const wrong: Texts = {};
  const required = at(schema, ["required"]);
  for (const name of names) {
    const text = fields[name] ?? "";
    const type = typeOf(properties[name]);
    if (text === "") {
      if (Array.isArray(required) && required.includes(name)) wrong[name] = t("ui.required");
    } else if (isText(text, properties[name])) args[name] = text;
    else {
      const value = parse(text);
      if (value === undefined || !isOfType(value, type)) wrong[name] = parseError(type);
      else args[name] = value;
    }
  }
  return { args, wrong };
}

/** Return whether a text is the value itself, not the JSON of the value. */
function isText(text: string, definition: Json | undefined): boolean {
  if (resourceOf(definition)) return true;
  const choices = at(definition, ["enum"]);
  if (Array.isArray(choices)) return choices.includes(text);
  return typeOf(definition) === "string";
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isOfType(value: Json, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "number") return typeof value === "number";
  if (type === "array") return Array.isArray(value);
  return type !== "object" || isTree(value);
}

function parseError(type: string): string {
  if (type === "integer") return t("forms.notInteger");
  if (type === "number") return t("forms.notNumber");
  if (type === "array") return t("forms.notArray");
  return t(type === "object" ? "forms.notObject" : "forms.notJson");
}

/** Errors of a form: of single fields, and a text about the rest. */
export interface FormErrors {
  fields: Texts;
  form: string | null;
}

export const NO_ERRORS: FormErrors = { fields: {}, form: null };

/** Assign the error of a request to the fields that it names. */
export function formErrors(error: unknown, names: readonly string[]): FormErrors {
  const found =
    error instanceof ApiError && error.code === "invalid_input" ? at(error.details as Json, ["errors"]) : [];
  const fields: Texts = {};
  for (const each of Array.isArray(found) ? found : []) {
    const [name = "", ...inner] = String(at(each, ["path"]) ?? "")
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const message = String(at(each, ["message"]) ?? "");
    if (names.includes(name)) fields[name] ??= inner.length > 0 ? `${inner.join(".")}: ${message}` : message;
    else return { fields, form: errorText(error) };
  }
  return { fields, form: Object.keys(fields).length > 0 ? null : errorText(error) };
}
