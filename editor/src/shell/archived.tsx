import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ownMemberQuery } from "../api/members";
import { restoreWorkspace } from "../api/workspaces";
import { t } from "../texts/t";
import { Button } from "../ui/controls";
import { notifyError } from "../ui/toasts";
import css from "./shell.module.css";

/** Banner of an archived workspace, with a button that restores it for its admins. */
export default function ArchivedBanner({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const restore = async () => {
    try {
      await restoreWorkspace(workspace);
      await queries.invalidateQueries();
    } catch (error) {
      notifyError(error);
    }
  };
  return (
    <section className={css.banner} aria-label={t("shell.archived")}>
      <p>{t(admin ? "shell.workspaceArchived" : "shell.workspaceArchivedAskAdmin")}</p>
      {admin && <Button onClick={() => void restore()}>{t("shell.restoreWorkspace")}</Button>}
    </section>
  );
}
