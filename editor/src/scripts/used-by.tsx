import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { scriptUsersQuery, type UsedBy } from "../api/scripts";
import { t } from "../texts/scripts";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { Empty, Failed, Skeleton } from "../ui/states";
import page from "./script.module.css";
import { useScriptStore } from "./store";

const KINDS = {
  flow: t("scripts.userFlow"),
  script: t("scripts.userScript"),
  schedule: t("scripts.userSchedule"),
  http_trigger: t("scripts.userRoute"),
};

/** Panel of the workflows, schedules and routes that use the script. */
export function UsedByPanel() {
  const { workspace, path } = useScriptStore().getState();
  const users = useQuery({ ...scriptUsersQuery(workspace, path), retry: false });
  if (users.isPending) return <Skeleton />;
  if (users.error) return <Failed error={users.error} retry={() => void users.refetch()} />;
  if (users.data.length === 0) {
    return (
      <Empty title={t("scripts.unused")}>
        <p>{t("scripts.unusedHint", { path })}</p>
      </Empty>
    );
  }
  return (
    <section className={css.pane} aria-label={t("scripts.tabUses")}>
      <Users users={users.data} />
    </section>
  );
}

/** List of users of a script, with links to workflows. */
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
              {user.node ? t("scripts.userNode", { node: user.node }) : KINDS[user.kind]} ·{" "}
              {user.pinned ? t("scripts.userPinned") : t("scripts.userLatest")}
            </div>
          </div>
        </li>
      ))}
    </ul>
  );
}
