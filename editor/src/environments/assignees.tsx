import { assignRequest, type DetailedRequest } from "../api/environments";
import { PeopleField } from "../forms/people-field";
import { t } from "../texts/environments";
import css from "./environments.module.css";
import { Refusal } from "./parts";
import { useChange } from "./use-change";

/** Members who are asked to approve a request. Its author and admins change them while it is open. */
export function Assignees({ workspace, request }: { workspace: string; request: DetailedRequest }) {
  const { id, assignees, approvers, permitted } = request;
  const changing = useChange(workspace);
  if (!permitted.includes("change")) {
    if (assignees.length === 0) return null;
    return <p className={css.soft}>{t("environments.assignedTo", { users: assignees.join(", ") })}</p>;
  }
  return (
    <section aria-label={t("environments.assignees")}>
      <PeopleField
        label={t("environments.assignees")}
        help={t("environments.assigneesHint")}
        people={approvers}
        chosen={assignees}
        set={(chosen) => changing.mutate(() => assignRequest(workspace, id, [...chosen]))}
      />
      {changing.isError && <Refusal error={changing.error} />}
    </section>
  );
}
