import { t } from "../texts/workflow";
import type { Outcome } from "./types";

/** The names of outcomes on edges and in forms. */
export const OUTCOME_NAMES: Record<Outcome, string> = {
  success: t("workflow.success"),
  failure: t("workflow.failure"),
  always: t("workflow.always"),
  true: t("workflow.true"),
  false: t("workflow.false"),
  approved: t("workflow.approved"),
  rejected: t("workflow.rejected"),
  timeout: t("workflow.timeout"),
};
