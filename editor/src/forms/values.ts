import { ExactNumber, parseJson } from "../lib/exact-number";
import { t } from "../texts/forms";
import { LOCALE } from "../texts/language";
import { isEqual } from "../workflow/edit";
import { at, isTree, type Json, type Tree } from "../workflow/types";
import {
  childKey,
  controlOf,
  propertiesOf,
  resolve,
  resourceOf,
  shownNames,
  type Texts,
  textOf,
  typeOf,
  valuesOf,
  variantsOf,
} from "./inputs";

/** Return the key of the values of an object that have no field. */
const restKey = (key: string) => `${key}/`;

/** Return the texts of the fields for values, with the defaults of the schema where a value is missing. */
export function initialFields(names: string[], properties: Tree, values: Tree): Texts {
  const texts: Texts = {};
  for (const name of names) addTexts(texts, name, properties[name], values[name]);
  return texts;
}

function addTexts(texts: Texts, key: string, definition: Json | undefined, value: Json | undefined): void {
  const schema = resolve(definition);
  const given = value ?? at(schema, ["default"]);
  const tree = isTree(given ?? null) ? (given as Tree) : null;
  const control = controlOf(schema);
  texts[key] = textOfField(schema, given);
  if (control !== "group" && control !== "variants") return;
  const fields = control === "group" ? schema : variantsOf(schema)[Number.parseInt(texts[key], 10)];
  const properties = propertiesOf(fields);
  for (const name of shownNames(fields)) addTexts(texts, childKey(key, name), properties[name], tree?.[name]);
  const rest = Object.entries(tree ?? {}).filter(([name]) => !Object.hasOwn(properties, name));
  if (rest.length > 0) texts[restKey(key)] = JSON.stringify(Object.fromEntries(rest));
}

/** Return the text of one field: of a list, the JSON of the texts of its items; of a variant, its index. */
function textOfField(schema: Json | undefined, value: Json | undefined): string {
  const control = controlOf(schema);
  if (control === "group") return "";
  if (control === "list") return Array.isArray(value) ? JSON.stringify(value.map(textOf)) : "";
  if (control === "any" && typeof value === "string" && parse(value) !== undefined) return JSON.stringify(value);
  if (control !== "variants") return textOf(value);
  if (!isTree(value ?? null)) return "";
  const index = variantsOf(schema).findIndex((each) => matches(each, value as Tree));
  return index === -1 ? "" : String(index);
}

/** Return whether an object has the constants and the required values of a variant. */
function matches(variant: Json, value: Tree): boolean {
  const required = at(variant, ["required"]);
  const missing = Array.isArray(required) && required.some((name) => !Object.hasOwn(value, String(name)));
  return (
    !missing &&
    Object.entries(propertiesOf(variant)).every(([name, definition]) => {
      const constant = at(definition, ["const"]);
      return constant === undefined || isEqual(constant, value[name]);
    })
  );
}

/** Return the text of a field, which is its default until it is shown for the first time. */
export const fieldText = (texts: Texts, key: string, definition: Json | undefined): string =>
  texts[key] ?? textOfField(resolve(definition), at(definition, ["default"]));

/** Return the texts of the items of a list. */
export function itemsOf(text: string): string[] {
  return text === "" ? [] : (JSON.parse(text) as string[]);
}

/** Return the values of the fields, and an error for each text that is not a valid value. Empty fields have no value. */
export function readFields(names: string[], fields: Texts, schema: Json | undefined): { args: Tree; wrong: Texts } {
  const wrong: Texts = {};
  return { args: readObject(null, names, schema, fields, wrong), wrong };
}

function readObject(key: string | null, names: string[], schema: Json | undefined, texts: Texts, wrong: Texts): Tree {
  const properties = propertiesOf(schema);
  const required = at(schema, ["required"]);
  const values: Tree = {};
  for (const [name, definition] of Object.entries(properties)) {
    const constant = at(definition, ["const"]);
    if (constant !== undefined && key !== null) values[name] = constant;
  }
  for (const name of names) {
    const isRequired = Array.isArray(required) && required.includes(name);
    const field = key === null ? name : childKey(key, name);
    const value = readField(field, properties[name], isRequired, texts, wrong);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function readField(
  key: string,
  definition: Json | undefined,
  required: boolean,
  texts: Texts,
  wrong: Texts,
): Json | undefined {
  const schema = resolve(definition);
  const control = controlOf(schema);
  const text = fieldText(texts, key, definition);
  if (control === "group") return readGroup(key, schema, required, texts, wrong);
  if (control === "list") return readList(key, schema, required, text, wrong);
  if (text === "") {
    if (required) wrong[key] = t("ui.required");
    return undefined;
  }
  if (control === "variants") return readGroup(key, variantsOf(schema)[Number.parseInt(text, 10)], true, texts, wrong);
  const { value, error } = readText(text, schema);
  if (error) wrong[key] = error;
  return value;
}

function readGroup(
  key: string,
  schema: Json | undefined,
  required: boolean,
  texts: Texts,
  wrong: Texts,
): Tree | undefined {
  const inner: Texts = {};
  const values = readObject(key, shownNames(schema), schema, texts, inner);
  const rest = texts[restKey(key)];
  const isEmpty = Object.keys(values).length === 0 && Object.values(inner).every((error) => error === t("ui.required"));
  // An optional object without values is left out, with the errors of its required fields.
  if (isEmpty && !required && rest === undefined) return undefined;
  Object.assign(wrong, inner);
  return { ...(rest === undefined ? {} : (parseJson(rest) as Tree)), ...values };
}

function readList(
  key: string,
  schema: Json | undefined,
  required: boolean,
  text: string,
  wrong: Texts,
): Json[] | undefined {
  const values: Json[] = [];
  for (const [index, item] of itemsOf(text).entries()) {
    if (item === "") continue;
    const { value, error } = readText(item, at(schema, ["items"]));
    if (error) wrong[key] ??= t("forms.item", { number: index + 1, error });
    else if (value !== undefined) values.push(value);
  }
  return values.length > 0 || required ? values : undefined;
}

/** Return the value of a text that is not empty, or an error. */
function readText(text: string, schema: Json | undefined): { value?: Json; error?: string } {
  const control = controlOf(schema);
  if (control === "email" && !/^\S+@\S+$/.test(text)) return { error: t("forms.notEmail") };
  if (control === "uri" && !URL.canParse(text)) return { error: t("forms.notUri") };
  if (isText(text, schema)) return { value: text };
  const type = typeOf(schema);
  const value = parse(type === "number" ? withPoint(text) : text);
  if (type === "any") return { value: value ?? text };
  return value === undefined || !isOfType(value, type) ? { error: parseError(type) } : { value };
}

const DECIMAL_SEPARATOR = new Intl.NumberFormat(LOCALE).format(0.5).charAt(1);

/** Return a number of a locale with a decimal comma as one with a point. */
export const withPoint = (text: string, separator = DECIMAL_SEPARATOR): string =>
  separator === "," && /^\s*-?\d+,\d+\s*$/.test(text) ? text.replace(",", ".") : text;

/** Return whether a text is the value itself, not the JSON of the value. */
function isText(text: string, schema: Json | undefined): boolean {
  if (resourceOf(schema)) return true;
  const values = valuesOf(schema);
  return values ? values.includes(text) : typeOf(schema) === "string";
}

/** Return the values of an object that have no field, as JSON; empty if there are none. */
export function otherValues(names: string[], values: Tree): string {
  const others = Object.entries(values).filter(([name]) => !names.includes(name));
  return others.length > 0 ? JSON.stringify(Object.fromEntries(others), null, 2) : "";
}

/** Return the object that a text contains, or an error; an empty text contains an empty one. */
export function readObjectText(text: string): { value: Tree } | { error: string } {
  const value = text.trim() === "" ? {} : (parse(text) ?? null);
  return isTree(value) ? { value } : { error: t("forms.notObject") };
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text) as Json;
  } catch {
    return undefined;
  }
}

/** Return whether a number is whole. The server decides about those with an exponent. */
const isWhole = (value: Json): boolean =>
  value instanceof ExactNumber ? !/\.0*[1-9]\d*$/.test(value.text) : Number.isInteger(value);

function isOfType(value: Json, type: string): boolean {
  if (type === "integer") return isWhole(value);
  if (type === "number") return typeof value === "number" || value instanceof ExactNumber;
  if (type === "array") return Array.isArray(value);
  return type !== "object" || isTree(value);
}

function parseError(type: string): string {
  if (type === "integer") return t("forms.notInteger");
  if (type === "number") return t("forms.notNumber");
  if (type === "array") return t("forms.notArray");
  return t(type === "object" ? "forms.notObject" : "forms.notJson");
}
