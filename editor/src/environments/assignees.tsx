import { useQuery } from "@tanstack/react-query";
import { assignRequest, type DetailedRequest } from "../api/environments";
import { ownMemberQuery } from "../api/members";
import { peopleQuery } from "../api/options";
import { PeopleField } from "../forms/people-field";
import { errorText } from "../lib/api-error";
import { t } from "../texts/environments";
import css from "./environments.module.css";
import { useChange } from "./use-change";

/** Members who are asked to approve a request. Its author and admins change them while it is open. */
export function Assignees({ workspace, request }: { workspace: string; request: DetailedRequest }) {
  const { id, state, author, assignees } = request;
  const me = useQuery(ownMemberQuery(workspace)).data;
  const mayAssign = state === "open" && me !== undefined && (me.is_admin || me.username === author);
  const people = useQuery({ ...peopleQuery(workspace), enabled: mayAssign }).data?.members ?? [];
  const changing = useChange(workspace);
  if (!mayAssign) {
    if (assignees.length === 0) return null;
    return <p className={css.soft}>{t("environments.assignedTo", { users: assignees.join(", ") })}</p>;
  }
  return (
    <section aria-label={t("environments.assignees")}>
      <PeopleField
        label={t("environments.assignees")}
        help={t("environments.assigneesHint")}
        people={people.map(({ value }) => value.slice("u/".length))}
        chosen={assignees}
        set={(chosen) => changing.mutate(() => assignRequest(workspace, id, [...chosen]))}
      />
      {changing.isError && <p role="alert">{errorText(changing.error)}</p>}
    </section>
  );
}
