import type { Deployment } from "../api/environments";

/**
 * Return the deployments of a history, newest first, to which the environment can be rolled back: those of other
 * releases from before the promotion of the present release. After a rollback, the release that it took back is later.
 *
 * @param unreadable the present release is not readable and therefore not in the history: the server refuses releases
 * that did not run before it
 */
export function rollbackTargets(history: readonly Deployment[], unreadable = false): ReadonlySet<number> {
  if (unreadable) return new Set(history.map((each) => each.id));
  const digest = history[0]?.digest;
  const promoted = history.findIndex((each) => each.digest === digest && each.kind === "promotion");
  const earlier = promoted < 0 ? [] : history.slice(promoted + 1);
  return new Set(earlier.filter((each) => each.digest !== digest).map((each) => each.id));
}
