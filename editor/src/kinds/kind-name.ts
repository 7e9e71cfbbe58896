import { t } from "../texts/kinds";

const NAMES: Readonly<Record<string, string>> = {
  flow: t("kinds.flow"),
  script: t("kinds.script"),
  schedule: t("kinds.schedule"),
  http_trigger: t("kinds.httpTrigger"),
  resource_type: t("kinds.resourceType"),
  resource: t("kinds.resource"),
  variable: t("kinds.variable"),
  folder: t("kinds.folder"),
  group: t("kinds.group"),
  workflow_test: t("kinds.workflowTest"),
  policy: t("kinds.policy"),
  service_account: t("kinds.serviceAccount"),
  automatic_promotion: t("kinds.automaticPromotion"),
  environment: t("kinds.environment"),
  error_handler: t("kinds.errorHandler"),
};

/** Return the name of a kind of item. */
export const kindName = (kind: string): string => NAMES[kind] ?? kind;
