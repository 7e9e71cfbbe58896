import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  addToGroup,
  createGroup,
  deleteGroup,
  type Group,
  groupsQuery,
  removeFromGroup,
  updateGroup,
} from "../api/groups";
import { membersQuery, ownMemberQuery } from "../api/members";
import { PeopleField } from "../forms/people-field";
import { References } from "../references/references";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import { DeleteButton } from "./delete-button";
import { NewDialog } from "./new-dialog";
import { FormDialog, Problem, SearchedList, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Group of every member, which cannot be changed. */
const EVERYONE = "all";
const NEW = "";

/** Groups of the workspace with their members and managers. */
export function GroupsPage() {
  const { workspace = "" } = useParams();
  const queries = useQueryClient();
  const me = useQuery(ownMemberQuery(workspace));
  const groups = useQuery(groupsQuery(workspace));
  const [edited, setEdited] = useState<string | null>(null);
  const admin = me.data?.is_admin ?? false;
  const chosen = groups.data?.find((each) => each.name === edited);
  const create = async (name: string, summary: string) => {
    await createGroup(workspace, name, summary);
    await queries.invalidateQueries(groupsQuery(workspace));
  };
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.groups")}</h1>
        {admin && (
          <Button look="main" icon="plus" onClick={() => setEdited(NEW)}>
            {t("settings.newGroup")}
          </Button>
        )}
      </div>
      <p className={css.about}>{t("settings.groupsHint")}</p>
      <SearchedList
        label={t("settings.groups")}
        query={groups}
        keyOf={(each) => each.name}
        textOf={(each) => [each.name, each.summary, ...each.members].join(" ")}
        empty={[t("settings.noGroups"), t("settings.noGroupsHint")]}
        row={(each) => (
          <GroupRow
            workspace={workspace}
            group={each}
            admin={admin}
            manager={each.managers.includes(me.data?.username ?? "")}
            edit={() => setEdited(each.name)}
          />
        )}
      />
      {edited === NEW && (
        <NewDialog title={t("settings.newGroup")} create={create} created={setEdited} close={() => setEdited(null)} />
      )}
      {chosen && <GroupDialog workspace={workspace} group={chosen} admin={admin} close={() => setEdited(null)} />}
    </main>
  );
}

interface RowProps {
  workspace: string;
  group: Group;
  /** The user is an admin of the workspace. */
  admin: boolean;
  /** The user manages this group. */
  manager: boolean;
  edit: () => void;
}

function GroupRow({ workspace, group, admin, manager, edit }: RowProps) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const { name, members, managers } = group;
  const everyone = name === EVERYONE;
  const remove = async () => {
    await deleteGroup(workspace, name);
    await queries.invalidateQueries(groupsQuery(workspace));
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{name}</span>
        <span className={css.facts}>
          <span>{everyone ? t("settings.groupEveryone") : group.summary}</span>
          {!everyone && <span>{t("settings.memberCount", { count: members.length })}</span>}
          {managers.length > 0 && <span>{t("settings.managersOf", { names: managers.join(", ") })}</span>}
        </span>
        {members.length > 0 && <span className={css.facts}>{members.join(", ")}</span>}
      </div>
      {!everyone && (admin || manager) && (
        <div className={css.tools}>
          <Button icon="edit" onClick={edit} aria-label={t("settings.editItem", { name })}>
            {t("ui.edit")}
          </Button>
          {admin && (
            <DeleteButton name={name} hint={t("settings.deleteGroupHint")} submission={submission} remove={remove}>
              <References workspace={workspace} kind="group" path={name} />
            </DeleteButton>
          )}
        </div>
      )}
      <Problem text={submission.errors[""]} />
    </>
  );
}

interface DialogProps {
  workspace: string;
  group: Group;
  admin: boolean;
  close: () => void;
}

/** Dialog with the members of a group, and for admins its description and managers. */
function GroupDialog({ workspace, group, admin, close }: DialogProps) {
  const queries = useQueryClient();
  const people = useQuery(membersQuery(workspace)).data?.map((each) => each.username) ?? [];
  const submission = useSubmission();
  const [summary, setSummary] = useState(group.summary ?? "");
  const [members, setMembers] = useState<readonly string[]>(group.members);
  const [managers, setManagers] = useState<readonly string[]>(group.managers);
  const { name } = group;
  const save = async () => {
    if (admin) await updateGroup(workspace, name, summary, [...managers]);
    for (const each of members.filter((one) => !group.members.includes(one))) await addToGroup(workspace, name, each);
    for (const each of group.members.filter((one) => !members.includes(one)))
      await removeFromGroup(workspace, name, each);
  };
  const submit = async () => {
    const saved = await submission.send(save);
    await queries.invalidateQueries(groupsQuery(workspace));
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
    if (!saved) return;
    notify(t("settings.saved", { name }));
    close();
  };
  return (
    <FormDialog
      title={t("settings.editItem", { name })}
      submitLabel={t("ui.save")}
      submission={submission}
      submit={submit}
      close={close}
    >
      {admin && (
        <Field label={t("ui.description")}>
          <Input value={summary} onChange={(event) => setSummary(event.target.value)} />
        </Field>
      )}
      <PeopleField label={t("settings.members")} people={people} chosen={members} set={setMembers} />
      {admin && (
        <PeopleField
          label={t("settings.managers")}
          help={t("settings.managersHint")}
          people={people}
          chosen={managers}
          set={setManagers}
        />
      )}
    </FormDialog>
  );
}
