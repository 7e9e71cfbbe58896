import { Link } from "../routing/link";
import { t } from "../texts/t";
import { Empty } from "../ui/states";

/** Page of an address without a page. */
export function PageNotFound() {
  return (
    <main>
      <Empty title={t("shell.pageNotFound")}>
        <p>{t("shell.pageNotFoundHint")}</p>
        <Link to="/">{t("shell.toHome")}</Link>
      </Empty>
    </main>
  );
}

/** Page of a workspace that does not exist or of which the user is no member, with links to the user's workspaces and invitations. */
export function WorkspaceNotFound({ id, workspaces }: { id: string; workspaces: string[] }) {
  return (
    <main>
      <Empty title={t("shell.workspaceNotFound", { id })}>
        <p>{t("shell.workspaceNotFoundHint")}</p>
        {workspaces.map((each) => (
          <Link key={each} to={`/w/${each}`}>
            {t("shell.openWorkspace", { id: each })}
          </Link>
        ))}
        <Link to="/account">{t("shell.toAccount")}</Link>
      </Empty>
    </main>
  );
}
