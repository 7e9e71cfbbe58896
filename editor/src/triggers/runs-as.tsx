import { t } from "../texts/triggers";

/** Member for whom the runs of a trigger act. */
export const RunsAs = ({ identity }: { identity: string }) => (
  <span>{t("triggers.runsAs", { user: identity.replace(/^u\//, "") })}</span>
);
