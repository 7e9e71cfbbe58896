import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { scriptUsersQuery, type UsedBy } from "../api/scripts";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { Empty, Failed, Skeleton } from "../ui/states";
import page from "./script.module.css";
import { useScriptStore } from "./store";

const KINDS = { flow: "workflow", schedule: "schedule", http_trigger: "HTTP route" };

/** Whatever runs the script. */
export function UsedByPanel() {
  const { workspace, path } = useScriptStore().getState();
  const users = useQuery({ ...scriptUsersQuery(workspace, path), retry: false });
  if (users.isPending) return <Skeleton />;
  if (users.error) return <Failed error={users.error} retry={() => void users.refetch()} />;
  if (users.data.length === 0) {
    return (
      <Empty title="Nothing uses it yet">
        <p>Add it to a workflow as a “Deployed script” with the path {path}.</p>
      </Empty>
    );
  }
  return (
    <section className={css.pane} aria-label="Used by">
      <Users users={users.data} />
    </section>
  );
}

/** A list of what runs a script, each with a way there. */
export function Users({ users }: { users: readonly UsedBy[] }) {
  const { workspace } = useScriptStore().getState();
  return (
    <ul className={page.list}>
      {users.map((user) => (
        <li key={`${user.kind}${user.path}${user.node ?? ""}`}>
          <Icon name={user.kind === "flow" ? "flow" : user.kind === "schedule" ? "clock" : "globe"} />
          <div className={page.item}>
            {user.kind === "flow" ? (
              <Link to={`/w/${workspace}/workflows/${user.path}${user.node ? `?panel=node&node=${user.node}` : ""}`}>
                {user.path}
              </Link>
            ) : (
              user.path
            )}
            <div className={page.soft}>
              {KINDS[user.kind]}
              {user.node && `, node ${user.node}`}
              {user.pinned ? ", stays at its version" : ", takes the new version"}
            </div>
          </div>
        </li>
      ))}
    </ul>
  );
}
