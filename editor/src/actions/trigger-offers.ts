import type { EditorStore } from "../editor/store";
import { t } from "../texts/actions";

/** A kind of trigger that is found among the kinds of nodes. */
export interface TriggerOffer {
  kind: "schedule" | "route" | "webhook";
  name: string;
  description: string;
  icon: string;
  /** Further words by which it is found. */
  words: string;
}

/** Heading over the triggers. */
export const TRIGGER_GROUP = t("actions.triggers");

export const TRIGGER_OFFERS: readonly TriggerOffer[] = [
  {
    kind: "schedule",
    name: t("actions.schedule"),
    description: t("actions.aboutSchedule"),
    icon: "clock",
    words: t("actions.wordsSchedule"),
  },
  {
    kind: "webhook",
    name: t("actions.webhook"),
    description: t("actions.aboutWebhook"),
    icon: "link",
    words: t("actions.wordsWebhook"),
  },
  {
    kind: "route",
    name: t("actions.httpTrigger"),
    description: t("actions.aboutHttpTrigger"),
    icon: "globe",
    words: t("actions.wordsHttpTrigger"),
  },
];

/** Show the form of a new trigger; for a workflow that is not deployed, first what it needs for one. */
export function openTrigger(store: EditorStore, kind: TriggerOffer["kind"]): void {
  store.setState({ panel: "trigger", trigger: kind === "webhook" ? { kind } : { kind, path: null } });
}
