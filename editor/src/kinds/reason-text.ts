import type { components } from "../api/schema";
import { textOfCode } from "../texts/t";
import { kindName } from "./kind-name";

/** Code of a reason of the server, and the values of its text. */
export type ReasonCode = components["schemas"]["ReasonCode"];

/** Return values for a text of the catalogue, which names an absent value `none`. */
export function namedValues(values: ReasonCode["values"]): ReasonCode["values"] {
  const named = values.kind ? { ...values, kind: kindName(String(values.kind)) } : values;
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [name, value === "" ? "none" : value]));
}

/** Return a reason that the server has stored in the language of the page; `english` if it has no known code. */
export function storedReasonText(english: string, code: ReasonCode | null | undefined): string {
  if (!code) return english;
  const { handler, cause, ...values } = code.values;
  // A reason for an alert may name the error of a schedule, which is a reason with a code and values as well.
  if (cause) values.reason = storedReasonText(String(values.reason), { code: String(cause), values });
  // Obstacles of a deployment have texts of their own.
  const key = code.code.startsWith("blocker_") ? code.code : `reason_${code.code}`;
  const text = textOfCode(`codes.${key}`, english, namedValues(values));
  return handler && text !== english ? `${handler}: ${text}` : text;
}

/** Return the cause of a conflict of a plan in the language of the page. */
export function conflictText({ code, reason }: { code?: string; reason?: string }): string | undefined {
  return reason && code ? textOfCode(`codes.conflict_${code}`, reason) : reason;
}
