import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/options";
import { useEditor } from "../editor/context";
import { t } from "../texts/inspector";
import { ChooseDialog } from "../ui/choose-dialog";
import { Button, IconButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import type { Json } from "../workflow/types";

const ROLES = [
  { value: "role/admin", description: t("inspector.allAdmins") },
  { value: "role/developer", description: t("inspector.allDevelopers") },
  { value: "role/operator", description: t("inspector.allOperators") },
];

interface Props {
  label: string;
  value: Json | undefined;
  /** `groups`: names of groups only, otherwise members, groups and roles as `u/…`, `g/…`, `role/…`. */
  only?: "groups";
  set: (next: Json | undefined) => void;
}

/** Approvers, selected from the members, groups and roles of the workspace. */
export function ApproversField({ label, value, only, set }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const people = useQuery(peopleQuery(workspace));
  const [choosing, setChoosing] = useState(false);
  const chosen = Array.isArray(value) ? value.map(String) : [];
  const { members = [], groups = [] } = people.data ?? {};
  const bare = only === "groups";
  const lists = [
    {
      heading: t("inspector.groups"),
      icon: "list",
      items: bare ? groups.map((each) => ({ ...each, value: each.value.slice(2) })) : groups,
    },
    { heading: t("inspector.members"), icon: "person", items: bare ? [] : members },
    { heading: t("inspector.roles"), icon: "person", items: bare ? [] : ROLES },
  ].map((list) => ({ ...list, items: list.items.filter((each) => !chosen.includes(each.value)) }));
  return (
    <div>
      <ul className={css.chips} aria-label={label}>
        {chosen.map((each) => (
          <li key={each} className={css.chip}>
            <span>{each}</span>
            <IconButton
              label={t("inspector.removeApprover", { approver: each })}
              icon="cross"
              onClick={() => {
                const remaining = chosen.filter((other) => other !== each);
                set(remaining.length > 0 ? remaining : undefined);
              }}
            />
          </li>
        ))}
        <li>
          <Button icon="plus" onClick={() => setChoosing(true)}>
            {bare ? t("inspector.addGroup") : t("inspector.addApprover")}
          </Button>
        </li>
      </ul>
      {choosing && (
        <ChooseDialog
          title={label}
          placeholder={bare ? t("inspector.searchGroups") : t("inspector.searchApprovers")}
          emptyText={people.isPending ? t("ui.loading") : t("inspector.noMoreApprovers")}
          groups={lists}
          choose={(next) => set([...chosen, next])}
          close={() => setChoosing(false)}
        />
      )}
    </div>
  );
}
