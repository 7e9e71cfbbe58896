import type { BlockingReason } from "../api/environments";

const PAGES: Readonly<Record<string, (path: string) => string>> = {
  variable: (path) => `settings/variables?q=${encodeURIComponent(path)}`,
  resource: (path) => `settings/resources?q=${encodeURIComponent(path)}`,
  flow: (path) => `workflows/${path}`,
  script: (path) => `scripts/${path}`,
  schedule: (path) => `schedules?q=${encodeURIComponent(path)}`,
};

/** Reasons whose item is corrected in a new release, where it was released. */
const IN_RELEASE: readonly string[] = ["policy_violation", "queue_reserved"];

/**
 * Return the address of the page on which the cause of a reason can be removed, or null if there is none.
 *
 * @param workspace workspace of the environment
 * @param source workspace of the release, in which its items are corrected and which has the tests of its workflows
 */
export function mendPage(reason: BlockingReason, workspace: string, source: string): string | null {
  const { code, kind, path } = reason;
  if (code === "queue_without_worker") return `/w/${workspace}/workers`;
  if (code === "identity_disabled") return `/w/${workspace}/settings/members`;
  if (code.endsWith("_missing") && (kind === "variable" || kind === "resource") && path) {
    const query = new URLSearchParams({ new: path, ...(reason.resource_type && { type: reason.resource_type }) });
    return `/w/${workspace}/settings/${kind}s?${query}`;
  }
  const page = kind && path ? PAGES[kind]?.(path) : undefined;
  if (!page) return null;
  if (code.startsWith("test")) return `/w/${source}/${page}?view=tests`;
  return `/w/${IN_RELEASE.includes(code) ? source : workspace}/${page}`;
}
