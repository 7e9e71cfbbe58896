import type { ActionAccess, MemberAccess } from "../api/access";

export type Action = "read" | "write" | "run" | "share";

/** Actions of a member with the same decision. */
export interface Verdict extends ActionAccess {
  actions: Action[];
}

const ACTIONS: readonly Action[] = ["read", "run", "write", "share"];

/** Return the decisions about a member that have reasons, each with all actions to which it applies. */
export function verdictsOf(member: MemberAccess): Verdict[] {
  const found = new Map<string, Verdict>();
  for (const action of ACTIONS) {
    const access = member[action];
    if (!access || access.reasons.length === 0) continue;
    const key = JSON.stringify([access.allowed, access.reasons, access.requires_roles]);
    const same = found.get(key);
    if (same) same.actions.push(action);
    else found.set(key, { ...access, actions: [action] });
  }
  return [...found.values()];
}
