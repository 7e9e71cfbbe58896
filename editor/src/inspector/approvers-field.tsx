import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/options";
import { useEditor } from "../editor/context";
import { ChooseDialog } from "../ui/choose-dialog";
import { Button, IconButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import type { Json } from "../workflow/types";

const ROLES = [
  { value: "role/admin", description: "all admins" },
  { value: "role/developer", description: "developers and above" },
  { value: "role/operator", description: "operators and above" },
];

interface Props {
  label: string;
  value: Json | undefined;
  /** `names`: bare names of groups, else members, groups and roles as `u/…`, `g/…`, `role/…`. */
  only?: "groups";
  set: (next: Json | undefined) => void;
}

/** Who may decide: chosen from the members, groups and roles of the workspace. */
export function ApproversField({ label, value, only, set }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const people = useQuery(peopleQuery(workspace));
  const [choosing, setChoosing] = useState(false);
  const chosen = Array.isArray(value) ? value.map(String) : [];
  const { members = [], groups = [] } = people.data ?? {};
  const bare = only === "groups";
  const lists = [
    {
      heading: "Groups",
      icon: "list",
      items: bare ? groups.map((each) => ({ ...each, value: each.value.slice(2) })) : groups,
    },
    { heading: "Members", icon: "person", items: bare ? [] : members },
    { heading: "Roles", icon: "person", items: bare ? [] : ROLES },
  ].map((list) => ({ ...list, items: list.items.filter((each) => !chosen.includes(each.value)) }));
  return (
    <div>
      <ul className={css.chips} aria-label={label}>
        {chosen.map((each) => (
          <li key={each} className={css.chip}>
            <span>{each}</span>
            <IconButton
              label={`Remove ${each}`}
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
            Add {bare ? "a group" : "somebody"}
          </Button>
        </li>
      </ul>
      {choosing && (
        <ChooseDialog
          title={label}
          placeholder="A name, a group, a role"
          emptyText={people.isPending ? "Loading …" : "Everybody is chosen already."}
          groups={lists}
          choose={(next) => set([...chosen, next])}
          close={() => setChoosing(false)}
        />
      )}
    </div>
  );
}
