import { useState } from "react";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/t";
import { IconButton } from "../ui/controls";
import { AccountMenu } from "./account";
import { Brand } from "./brand";
import css from "./phone-bar.module.css";
import type { NavigationProps } from "./rail";
import { WorkspaceSwitcher } from "./workspace-switcher";

const PhoneMenu = lazyComponent(() => import("./phone-menu"));

/** Bar above the page in narrow windows, with a menu of the pages. */
export function PhoneBar({ email, workspaces, workspace, open }: NavigationProps) {
  const [isMenuOpen, setMenuOpen] = useState(false);
  return (
    <header className={css.bar}>
      <IconButton
        label={t("shell.menu")}
        icon="menu"
        aria-expanded={isMenuOpen}
        aria-haspopup="dialog"
        onClick={() => setMenuOpen(true)}
      />
      <Brand workspace={workspace} collapsed />
      {workspace && <WorkspaceSwitcher workspaces={workspaces} workspace={workspace} />}
      <div className={css.end}>
        {workspace && (
          <IconButton
            label={t("shell.palette")}
            icon="search"
            title={t("shell.paletteKeys")}
            onClick={() => open("palette")}
          />
        )}
        <AccountMenu email={email} collapsed />
      </div>
      {isMenuOpen && <PhoneMenu workspace={workspace} open={open} close={() => setMenuOpen(false)} />}
    </header>
  );
}
