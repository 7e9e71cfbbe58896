import { t } from "../texts/settings";
import type { Key } from "../texts/t";

/**
 * Return the name of an operation of the audit trail: that of the operation, or of its noun and verb, such as "Variable
 * created" for variables.create. An unknown operation is its own name. `scope`: workspace; null: the instance.
 */
export function operationName(operation: string, scope: string | null): string {
  const whole = textOf(`op_${operation.replaceAll(".", "_")}`);
  if (whole) return whole;
  const at = operation.lastIndexOf(".");
  const subject = operation.slice(0, at).replaceAll(".", "_");
  const noun = textOf(subject === "users" && scope === null ? "noun_accounts" : `noun_${subject}`);
  const verb = textOf(`verb_${operation.slice(at + 1)}`);
  return noun && verb ? t("operations.phrase", { noun, verb }) : operation;
}

/** Return a text of the catalogue, or "" if there is none with this name. */
function textOf(name: string): string {
  const key = `operations.${name}`;
  const text = t(key as Key);
  return text === key ? "" : text;
}
