import type { BlockingReason, PlanEntry } from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { textOfCode } from "../texts/t";

/** Return a reason that prevents a deployment, and its hint, in the language of the page. */
export function reasonText(reason: BlockingReason): { text: string; hint: string | null } {
  const { code, message, hint, kind, path, resource_type: type } = reason;
  const named = { ...reason.values, kind: kind ? kindName(kind) : "", path: path ?? "", type: type ?? "" };
  // The texts of the catalogue name an absent value `none`.
  const values = Object.fromEntries(
    Object.entries(named).map(([name, value]) => [name, value === "" ? "none" : value]),
  );
  const text = textOfCode(`codes.blocker_${code}`, message, values);
  return { text, hint: hint && textOfCode(`codes.blockerHint_${code}`, hint, values) };
}

/** Return the cause of a conflict in the language of the page. */
export function conflictText({ code, reason }: PlanEntry): string | undefined {
  return reason && code ? textOfCode(`codes.conflict_${code}`, reason) : reason;
}
