import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { type ReferringItem, referencesQuery } from "../api/references";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Loaded } from "./parts";
import css from "./settings.module.css";

interface Props {
  workspace: string;
  kind: "variable" | "resource";
  path: string;
}

const KINDS: Readonly<Record<ReferringItem["kind"], string>> = {
  flow: t("settings.kindFlow"),
  script: t("settings.kindScript"),
  schedule: t("settings.kindSchedule"),
  http_trigger: t("settings.kindHttpTrigger"),
  resource: t("settings.kindResource"),
};

/** Items that refer to a variable or resource. */
export function UsedBy({ workspace, kind, path }: Props) {
  const users = useQuery(referencesQuery(workspace, kind, path));
  return (
    <>
      <Loaded query={users} />
      {users.data && <p className={css.note}>{t("settings.usedByCount", { count: users.data.length })}</p>}
      {users.data && users.data.length > 0 && (
        <ul className={css.items} aria-label={t("settings.usedBy")}>
          {users.data.map((each) => (
            <li key={`${each.kind} ${each.path}`}>
              {KINDS[each.kind]} <UserLink workspace={workspace} user={each} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Link to the page of an item; the path of an HTTP trigger, which has no page of its own. */
function UserLink({ workspace, user: { kind, path } }: { workspace: string; user: ReferringItem }) {
  const pages: Partial<Record<ReferringItem["kind"], string>> = {
    flow: `workflows/${path}`,
    script: `scripts/${path}`,
    schedule: `schedules?q=${encodeURIComponent(path)}`,
    resource: `settings/resources?q=${encodeURIComponent(path)}`,
  };
  const page = pages[kind];
  return page ? <Link to={`/w/${workspace}/${page}`}>{path}</Link> : path;
}

/** Dialog with the items that refer to a variable or resource. */
export function UsedByDialog({ close, ...item }: Props & { close: () => void }) {
  return (
    <Dialog title={t("settings.usesOf", { name: item.path })} close={close}>
      <p className={dialogCss.description}>{t("settings.usedByHint")}</p>
      <UsedBy {...item} />
      <div className={dialogCss.foot}>
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}
