import type { Deployment } from "../api/environments";

/**
 * Return the deployments of a history, newest first, to which the environment can be rolled back: those of other
 * releases from before the promotion of the present release. After a rollback, the release that it took back is later.
 */
export function rollbackTargets(history: readonly Deployment[]): ReadonlySet<number> {
  const digest = history[0]?.digest;
  const promoted = history.findIndex((each) => each.digest === digest && each.kind === "promotion");
  const earlier = promoted < 0 ? [] : history.slice(promoted + 1);
  return new Set(earlier.filter((each) => each.digest !== digest).map((each) => each.id));
}
