import { useId } from "react";
import { NavLink } from "../routing/link";
import { t } from "../texts/t";
import { Icon } from "../ui/icon";
import css from "./page-links.module.css";
import { HOME, PAGE_GROUPS, type Page, type PageGroup } from "./pages";
import { type BadgeText, useBadges } from "./use-badges";

interface Props {
  workspace: string;
  /** Called when a link is followed. */
  follow?: () => void;
  /** Show icons only; names are tooltips. */
  collapsed?: boolean;
}

/** Links to the pages of a workspace, by group. */
export function PageLinks({ workspace, follow, collapsed = false }: Props) {
  const badges = useBadges(workspace);
  const linkTo = (page: Page) => (
    <PageLink
      key={page.to}
      page={page}
      workspace={workspace}
      badge={page.badge && badges[page.badge]}
      collapsed={collapsed}
    />
  );
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a link that is followed by a key is clicked
    <nav
      className={css.pages}
      data-collapsed={collapsed || undefined}
      aria-label={t("shell.pages")}
      onClick={(event) => (event.target as Element).closest("a") && follow?.()}
    >
      <ul className={css.group}>{linkTo(HOME)}</ul>
      {PAGE_GROUPS.map((group) => (
        <Group key={group.name} group={group} linkTo={linkTo} />
      ))}
    </nav>
  );
}

function Group({ group, linkTo }: { group: PageGroup; linkTo: (page: Page) => React.ReactNode }) {
  const id = useId();
  return (
    <>
      <p id={id} className={css.heading}>
        {group.name}
      </p>
      <ul className={css.group} aria-labelledby={id}>
        {group.pages.map(linkTo)}
      </ul>
    </>
  );
}

interface PageLinkProps {
  page: Page;
  workspace: string;
  badge: BadgeText | undefined;
  collapsed: boolean;
}

function PageLink({ page, workspace, badge, collapsed }: PageLinkProps) {
  const title = [collapsed && page.name, badge?.meaning].filter(Boolean).join(": ");
  return (
    <li>
      <NavLink to={`/w/${workspace}${page.to}`} end={page.to === ""} className={css.link} title={title || undefined}>
        <Icon name={page.icon} size={18} />
        <span className={css.name}>{page.name}</span>
        {badge && (
          <span className={css.badge} data-badge={page.badge}>
            <span aria-hidden="true">{badge.text}</span>
            <span className={css.meaning}>{badge.meaning}</span>
          </span>
        )}
      </NavLink>
    </li>
  );
}
