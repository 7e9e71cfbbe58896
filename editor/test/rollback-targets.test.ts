import { expect, test } from "vitest";
import type { Deployment } from "../src/api/environments";
import { rollbackTargets } from "../src/environments/rollback-targets";

function history(...releases: [digest: string, kind: string][]): Deployment[] {
  return releases.map(([digest, kind], at) => ({ id: releases.length - at, digest, kind }) as Deployment);
}

test("an environment is rolled back to releases from before the promotion of the present one", () => {
  expect([...rollbackTargets(history(["b", "promotion"], ["a", "promotion"]))]).toEqual([1]);
  expect([...rollbackTargets(history(["b", "promotion"], ["b", "promotion"], ["a", "promotion"]))]).toEqual([1]);
});

test("a release that was taken back is no target", () => {
  const rolledBack = history(["b", "rollback"], ["c", "promotion"], ["b", "promotion"], ["a", "promotion"]);
  expect([...rollbackTargets(rolledBack)]).toEqual([1]);
  expect([...rollbackTargets(history(["a", "rollback"], ["b", "promotion"], ["a", "promotion"]))]).toEqual([]);
  expect([...rollbackTargets([])]).toEqual([]);
});

test("if the present release is not readable, each release that is readable is a target", () => {
  expect([...rollbackTargets(history(["b", "promotion"], ["a", "promotion"]), true)]).toEqual([2, 1]);
});
