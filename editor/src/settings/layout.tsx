import { useEffect } from "react";
import { useLocation, useParams } from "../routing/hooks";
import { NavLink } from "../routing/link";
import { Outlet } from "../routing/provider";
import { t } from "../texts/settings";
import { useOneStop } from "../ui/one-stop";
import { Empty } from "../ui/states";
import { type SettingsGroup, useIsReadable, useSettingsPages } from "./pages";
import css from "./settings.module.css";

/** The pages of the settings with their navigation. */
export function SettingsLayout() {
  const { workspace = "" } = useParams();
  const groups = useSettingsPages(workspace);
  const base = `/w/${workspace}/settings`;
  const { pathname } = useLocation();
  const isReadable = useIsReadable(workspace, pathname.slice(base.length + 1));
  return (
    <div className={css.layout}>
      <Navigation base={base} groups={groups} />
      {isReadable ? <Outlet /> : <NotPermitted />}
    </div>
  );
}

function NotPermitted() {
  return (
    <main className={css.main}>
      <Empty title={t("settings.notPermitted")}>
        <p>{t("settings.notPermittedHint")}</p>
      </Empty>
    </main>
  );
}

function Navigation({ base, groups }: { base: string; groups: readonly SettingsGroup[] }) {
  const { pathname } = useLocation();
  const { ref: nav, ...stop } = useOneStop<HTMLElement>();
  const count = groups.reduce((sum, [, pages]) => sum + pages.length, 0);
  // A narrow window shows the links in one line, scrolled to the link of this page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs after a change of the page, or of what the user can see
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [pathname, count]);
  return (
    <nav ref={nav} {...stop} className={css.nav} aria-label={t("settings.title")}>
      {groups.map(([name, pages]) => (
        <div key={name}>
          <h2>{name}</h2>
          <ul>
            {pages.map(([label, to]) => (
              <li key={to}>
                <NavLink to={`${base}/${to}`}>{label}</NavLink>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
