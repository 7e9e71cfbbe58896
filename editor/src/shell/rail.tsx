import { t } from "../texts/t";
import { Button } from "../ui/controls";
import { type Account, AccountMenu } from "./account";
import { Brand } from "./brand";
import { HelpLinks } from "./help-links";
import { PageLinks } from "./page-links";
import css from "./rail.module.css";
import { useCollapsed } from "./use-collapsed";
import type { PageDialog } from "./use-dialog-keys";
import { WorkspaceSwitcher } from "./workspace-switcher";

export interface NavigationProps extends Account {
  /** Workspace of the page, or of its links if the page has none. */
  workspace: string | undefined;
  open: (dialog: PageDialog) => void;
}

/** Navigation at the left side of wide windows. It can be collapsed to icons. */
export function Rail({ email, workspaces, workspace, open }: NavigationProps) {
  const [collapsed, toggle] = useCollapsed();
  const square = collapsed ? "" : undefined;
  const [search, resize] = [t("shell.palette"), collapsed ? t("shell.expandRail") : t("shell.collapseRail")];
  return (
    <header className={css.rail} data-collapsed={collapsed || undefined}>
      <Brand workspace={workspace} collapsed={collapsed} />
      {workspace && (
        <div className={css.section}>
          <WorkspaceSwitcher workspaces={workspaces} workspace={workspace} collapsed={collapsed} />
          <Button
            className={css.search}
            icon="search"
            aria-label={search}
            title={t("shell.paletteKeys")}
            data-square={square}
            onClick={() => open("palette")}
          >
            {!collapsed && search}
          </Button>
        </div>
      )}
      <div className={css.links}>{workspace && <PageLinks workspace={workspace} collapsed={collapsed} />}</div>
      <div className={css.section}>
        <HelpLinks open={open} collapsed={collapsed} />
        <AccountMenu email={email} collapsed={collapsed} />
        <Button look="quiet" icon="rail" aria-label={resize} title={resize} data-square={square} onClick={toggle}>
          {!collapsed && resize}
        </Button>
      </div>
    </header>
  );
}
