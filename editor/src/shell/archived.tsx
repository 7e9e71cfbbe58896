import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ownMemberQuery } from "../api/members";
import { unarchiveWorkspace } from "../api/workspaces";
import { t } from "../texts/t";
import { Button } from "../ui/controls";
import { notifyError } from "../ui/toasts";
import css from "./shell.module.css";

/** Banner of an archived workspace, with a button that unarchives it for its admins. */
export default function ArchivedBanner({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const unarchive = async () => {
    try {
      await unarchiveWorkspace(workspace);
      await queries.invalidateQueries();
    } catch (error) {
      notifyError(error);
    }
  };
  return (
    <section className={css.banner} aria-label={t("shell.archived")}>
      <p>{t(admin ? "shell.workspaceArchived" : "shell.workspaceArchivedAskAdmin")}</p>
      {admin && <Button onClick={() => void unarchive()}>{t("shell.unarchiveWorkspace")}</Button>}
    </section>
  );
}
