import { expect, test } from "vitest";
import type { ActionAccess, MemberAccess } from "../src/api/access";
import { verdictsOf } from "../src/sharing/verdicts";

const NO: ActionAccess = { allowed: false, reasons: [] };
const granted = (why: string, principal: string): ActionAccess => ({ allowed: true, reasons: [{ why, principal }] });
const BEA = { username: "bea", email: "bea@example.org", role: "viewer", disabled: false };

test("actions with the same decision are one verdict", () => {
  const read = granted("folder", "g/ops");
  const write: ActionAccess = { ...read, allowed: false, requires_roles: ["developer"] };
  const bea: MemberAccess = { ...BEA, read, run: granted("folder", "g/ops"), write, share: NO };
  expect(verdictsOf(bea).map(({ actions, allowed }) => [actions, allowed])).toEqual([
    [["read", "run"], true],
    [["write"], false],
  ]);
  expect(verdictsOf({ ...BEA, read: NO, write: NO, share: NO })).toEqual([]);
});
