import type { BlockingReason } from "../api/environments";
import { namedValues } from "../kinds/reason-text";
import { textOfCode } from "../texts/t";

/** Return a reason that prevents a deployment, and its hint, in the language of the page. */
export function reasonText(reason: BlockingReason): { text: string; hint: string | null } {
  const { code, message, hint, kind, path, resource_type: type } = reason;
  const values = namedValues({ ...reason.values, kind: kind ?? "", path: path ?? "", type: type ?? "" });
  const text = textOfCode(`codes.blocker_${code}`, message, values);
  return { text, hint: hint && textOfCode(`codes.blockerHint_${code}`, hint, values) };
}
