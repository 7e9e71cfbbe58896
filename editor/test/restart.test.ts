import { expect, test, vi } from "vitest";
import { ApiError } from "../src/lib/api-error";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { restartRefusal } = await import("../src/api/restart");

const refused = (code: string, details: unknown) => new ApiError(409, code, "No.", null, details);

test("a refused restart names the node from which it is possible, other errors do not", () => {
  expect(restartRefusal(refused("cannot_restart", { nodes: ["approval", "other"] }))).toEqual({ node: "approval" });
  expect(restartRefusal(refused("cannot_restart", null))).toEqual({ node: null });
  expect(restartRefusal(refused("conflict", { nodes: ["approval"] }))).toBeNull();
  expect(restartRefusal(new Error("offline"))).toBeNull();
});
