import { expect, test } from "vitest";
import { waitBeside } from "../src/api/wait-text";

const wait = { code: "approval", reason: "awaiting approval", approvers: [] as string[] } as const;

test("a reason beside the status that says the same is not repeated", () => {
  expect(waitBeside("awaiting_approval", wait)).toBe("");
  expect(waitBeside("waiting", wait)).toBe("awaiting approval");
});

test("a reason with details is shown beside the status", () => {
  const reason = "awaiting approval by g/all";
  expect(waitBeside("awaiting_approval", { ...wait, reason, approvers: ["g/all"] })).toBe(reason);
});
