import { isSecret } from "../forms/inputs";
import { t } from "../texts/settings";
import { schemaFields } from "../workflow/schema-fields";
import { at, isTree, type Json, type Tree } from "../workflow/types";

/** Stands for a secret value in answers of the server. A value that contains it at the same place does not change. */
export const MASK = "***";

/** Return the schema with fields in its order. A stored secret is optional: an empty field leaves it unchanged. */
export function formSchema(schema: Json, stored: Tree): Json {
  const names = schemaFields(schema).map((field) => field.name);
  const secrets = storedSecrets(schema, stored);
  const required = at(schema, ["required"]);
  const properties = Object.fromEntries(
    names.map((name) => {
      const definition = at(schema, ["properties", name]) ?? null;
      if (!secrets.includes(name) || !isTree(definition)) return [name, definition];
      return [name, { ...definition, description: t("settings.keepSecret") }];
    }),
  );
  const others = Array.isArray(required) ? required.filter((name) => !secrets.includes(String(name))) : [];
  return { ...(isTree(schema) ? schema : {}), properties, required: others };
}

/** Return the values of the fields of a form: those of `stored` except its secrets. */
export function formValues(schema: Json, stored: Tree): Tree {
  const secrets = storedSecrets(schema, stored);
  return Object.fromEntries(Object.entries(stored).filter(([name]) => !secrets.includes(name)));
}

/** Return the value to be stored: the fields of the form, and the mask for secrets that were left empty. */
export function resourceValue(schema: Json, stored: Tree, args: Tree): Tree {
  const names = schemaFields(schema).map((field) => field.name);
  // Fields that the schema does not have are preserved.
  const others = Object.entries(stored).filter(([name]) => !names.includes(name));
  const secrets = storedSecrets(schema, stored).map((name) => [name, MASK]);
  return { ...Object.fromEntries(others), ...Object.fromEntries(secrets), ...args };
}

function storedSecrets(schema: Json, stored: Tree): string[] {
  return Object.keys(stored).filter((name) => stored[name] === MASK && isSecret(at(schema, ["properties", name])));
}
