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

const HELP = {
  success: "workflow.onSuccess",
  failure: "workflow.onFailure",
  always: "workflow.onAlways",
  true: "workflow.onTrue",
  false: "workflow.onFalse",
  approved: "workflow.onApproved",
  rejected: "workflow.onRejected",
  timeout: "workflow.onTimeout",
} as const;

/** Texts for the kinds of nodes whose outcomes have another meaning. */
const HELP_OF_KIND = {
  condition: { ...HELP, success: "workflow.onEither", failure: "workflow.onInvalid" },
  approval: {
    ...HELP,
    success: "workflow.onContinued",
    failure: "workflow.onRefused",
    always: "workflow.onDecided",
  },
} as const;

/** Explain when an edge on an outcome of a node is taken. */
export function outcomeHelp(node: { id: string; kind: string }, outcome: Outcome): string {
  const { [node.kind as keyof typeof HELP_OF_KIND]: help = HELP } = HELP_OF_KIND;
  return t(help[outcome], { node: node.id });
}
