import { ApiError, errorText } from "../lib/api-error";
import { t } from "../texts/forms";
import { fieldNames } from "../workflow/schema-fields";
import { at, isTree, type Json, type Tree } from "../workflow/types";

/** Texts by key of the field: the name of the input, for fields of nested objects followed by their JSON pointer in it. */
export type Texts = Record<string, string>;

/** Kind of control for an input. */
export type Control =
  | ("resource" | "choice" | "variants" | "group" | "list" | "json" | "any" | "file" | "secret" | "number" | "text")
  | ("long" | "long-secret")
  | ("date" | "date-time" | "time" | "email" | "uri");

const FORMATS: Record<string, Control> = {
  date: "date",
  "date-time": "date-time",
  time: "time",
  email: "email",
  uri: "uri",
  url: "uri",
  textarea: "long",
  multiline: "long",
  base64: "file",
  binary: "file",
};

/** Return the definitions of the inputs of a schema. */
export function propertiesOf(schema: Json | undefined): Tree {
  const found = at(schema, ["properties"]) ?? null;
  return isTree(found) ? found : {};
}

/** Return the JSON type of an input; "any" if it may have values of several types. */
export function typeOf(definition: Json | undefined): string {
  const type = at(definition, ["type"]);
  if (typeof type === "string") return type;
  if (Array.isArray(type)) {
    const [only, ...others] = type.filter((each) => each !== "null");
    return others.length > 0 ? "any" : String(only ?? "string");
  }
  if (at(definition, ["properties"]) !== undefined) return "object";
  if (at(definition, ["items"]) !== undefined) return "array";
  return OF_TEXT.some((each) => at(definition, [each]) !== undefined) ? "string" : "any";
}

/** Members of a definition that only texts, or values with a control of their own, have. */
const OF_TEXT = ["format", "pattern", "contentEncoding", "password", "enum", "const", "oneOf", "anyOf"];

/** Return the resource type of an input; null of other inputs. */
export function resourceOf(definition: Json | undefined): string | null {
  const format = at(definition, ["format"]);
  return typeof format === "string" && format.startsWith("resource-") ? format.slice("resource-".length) : null;
}

/** Return whether the value of an input is a secret, which is not shown while it is typed. */
export function isSecret(definition: Json | undefined): boolean {
  return at(definition, ["password"]) === true || at(definition, ["format"]) === "password";
}

/** Alternatives of a definition other than null. */
function alternatives(definition: Json | undefined): Json[] {
  const found = at(definition, ["oneOf"]) ?? at(definition, ["anyOf"]);
  return Array.isArray(found) ? found.filter((each) => at(each, ["type"]) !== "null") : [];
}

/** Return the definition of an input; of one that may be null, that of its other values. */
export function resolve(definition: Json | undefined): Json | undefined {
  const [only, ...others] = alternatives(definition);
  if (!isTree(only ?? null) || others.length > 0 || !isTree(definition ?? null)) return definition;
  const { oneOf: _, anyOf: __, ...rest } = definition as Tree;
  return { ...(only as Tree), ...rest };
}

/** Choice of a select: the text of a value, and the title of the value if it has one. */
export interface Choice {
  text: string;
  title: string;
}

export const textOf = (value: Json | undefined): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);

/** Return the values that an input may have; null if they are not listed. */
export function choicesOf(definition: Json | undefined): Choice[] | null {
  const values = valuesOf(definition);
  const titled = alternatives(definition).map((each) => at(each, ["title"]));
  return (
    values?.map((value, index) => {
      const text = textOf(value);
      const title = titled[index];
      return { text, title: typeof title === "string" ? title : text };
    }) ?? null
  );
}

/** Return the listed values of an input; null if there are none. */
export function valuesOf(definition: Json | undefined): Json[] | null {
  const values = at(definition, ["enum"]);
  if (Array.isArray(values)) return values;
  if (typeOf(definition) === "boolean") return [true, false];
  const constants = alternatives(definition).map((each) => at(each, ["const"]));
  return constants.length > 0 && constants.every((each) => each !== undefined) ? (constants as Json[]) : null;
}

/** Return the kinds of objects of which an input is one; empty if it is no such input. */
export function variantsOf(definition: Json | undefined): Json[] {
  const found = alternatives(definition);
  return found.length > 1 && found.every((each) => Object.keys(propertiesOf(each)).length > 0) ? found : [];
}

/** Return the title of a variant: its own, otherwise the constant that tells it from the others. */
export function variantTitle(variant: Json, index: number): string {
  const title = at(variant, ["title"]);
  if (typeof title === "string" && title) return title;
  const constant = Object.values(propertiesOf(variant)).find((each) => at(each, ["const"]) !== undefined);
  return constant ? textOf(at(constant, ["const"])) : t("forms.variant", { number: index + 1 });
}

export function controlOf(definition: Json | undefined): Control {
  if (resourceOf(definition)) return "resource";
  if (valuesOf(definition)) return "choice";
  if (variantsOf(definition).length > 0) return "variants";
  const type = typeOf(definition);
  if (type === "object") return Object.keys(propertiesOf(definition)).length > 0 ? "group" : "json";
  if (type === "array") return isScalar(at(definition, ["items"])) ? "list" : "json";
  if (type === "integer" || type === "number") return "number";
  if (type === "any") return "any";
  const format = FORMATS[textOf(at(definition, ["format"]))] ?? "text";
  if (isSecret(definition)) return format === "long" ? "long-secret" : "secret";
  return at(definition, ["contentEncoding"]) === "base64" ? "file" : format;
}

const isScalar = (items: Json | undefined): boolean =>
  isTree(items ?? null) && ["string", "integer", "number"].includes(typeOf(items)) && controlOf(items) !== "variants";

/** Return the names of the fields of an object; constants have none. */
export const shownNames = (definition: Json | undefined): string[] =>
  fieldNames(definition).filter((name) => at(propertiesOf(definition)[name], ["const"]) === undefined);

/** Return the key of a field of a nested object. */
export const childKey = (key: string, name: string): string =>
  `${key}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** Errors of a form: of single fields, and a text about the rest. */
export interface FormErrors {
  fields: Texts;
  form: string | null;
}

export const NO_ERRORS: FormErrors = { fields: {}, form: null };

/** State of the fields of a schema: their texts and errors, by key. */
export interface Inputs {
  names: string[];
  properties: Tree;
  texts: Texts;
  /** The user changed a text. */
  isChanged: boolean;
  errors: FormErrors;
  set: (key: string, text: string) => void;
  /** Replace all texts with those of `values`. */
  fill: (values: Tree) => void;
  /** Return to the first values, as for another schema. */
  reset: () => void;
  /** Return the values; null, and show the errors, if a text is invalid. */
  read: () => Tree | null;
  /** Show the error of a request at the fields that it names. */
  refuse: (error: unknown) => void;
}

/** Assign the error of a request to the fields that it names. `keys`: those of the form. */
export function formErrors(error: unknown, keys: readonly string[]): FormErrors {
  const found =
    error instanceof ApiError && error.code === "invalid_input" ? at(error.details as Json, ["errors"]) : [];
  const fields: Texts = {};
  for (const each of Array.isArray(found) ? found : []) {
    const [name = "", ...inner] = String(at(each, ["path"]) ?? "")
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const message = String(at(each, ["message"]) ?? "");
    const nested = inner.map((_, end) => inner.slice(0, inner.length - end).reduce(childKey, name));
    const key = [...nested, name].find((one) => keys.includes(one));
    if (key === undefined) return { fields, form: errorText(error) };
    const depth = nested.indexOf(key);
    const rest = depth === -1 ? inner : inner.slice(inner.length - depth);
    fields[key] ??= rest.length > 0 ? `${rest.join(".")}: ${message}` : message;
  }
  return { fields, form: Object.keys(fields).length > 0 ? null : errorText(error) };
}
