import type { ShownTrigger } from "../editor/store";
import { t } from "../texts/actions";

/** A kind of trigger that is found among the kinds of nodes. */
export interface TriggerOffer {
  kind: ShownTrigger["kind"];
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
