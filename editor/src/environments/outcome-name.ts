import type { DeploymentCheck } from "../api/environments";
import { t } from "../texts/environments";

/** Return the name of a check after a deployment. Tests that could not be run at all have no path. */
export function outcomeName({ kind, path, tests }: DeploymentCheck["results"][number]): string {
  if (kind === "smoke_run") return t("environments.smokeRunOf", { path });
  return path ? t("environments.testsOf", { path, count: tests }) : t("environments.workflowTests");
}
