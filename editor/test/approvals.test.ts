import { expect, test, vi } from "vitest";
import type { WaitingApproval } from "../src/api/approvals";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { withDecided } = await import("../src/api/approvals");

const approval = (job: string, opened_at: string, mine = true) => ({ job, opened_at, mine }) as WaitingApproval;

test("decided approvals keep their places, also if others must decide as well", () => {
  const [first, second, third] = [approval("a", "1"), approval("b", "2"), approval("c", "3")];
  expect(withDecided([second, third], [first])).toEqual([first, second, third]);
  expect(withDecided([first, approval("b", "2", false), third], [second])).toEqual([first, second, third]);
});
