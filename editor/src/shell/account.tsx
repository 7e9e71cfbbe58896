import { logout } from "../api/session";
import { forgetItems } from "../lib/recent-items";
import { toggleTheme } from "../lib/theme";
import { chooseLanguage, currentLanguage, LANGUAGE_NAMES, LANGUAGES, type Language } from "../texts/language";
import { t } from "../texts/t";
import { Button } from "../ui/controls";
import { Popover } from "../ui/popover";
import { Select } from "../ui/select";
import { notifyError } from "../ui/toasts";
import css from "./account.module.css";

/** The user and the workspaces that the user may switch to. */
export interface Account {
  email: string;
  workspaces: string[];
}

/** Menu of the account: language, theme, logging out. */
export function AccountMenu({ email, collapsed = false }: { email: string; collapsed?: boolean }) {
  return (
    <Popover label={t("shell.account")} icon="person" {...(!collapsed && { text: email })}>
      <p className={css.email}>{email}</p>
      <div className={css.language}>
        <Select
          aria-label={t("shell.language")}
          value={currentLanguage()}
          set={(language) => chooseLanguage(language as Language)}
        >
          {LANGUAGES.map((language) => (
            <option key={language} value={language} lang={language}>
              {LANGUAGE_NAMES[language]}
            </option>
          ))}
        </Select>
      </div>
      <Button look="quiet" icon="moon" onClick={toggleTheme}>
        {t("shell.theme")}
      </Button>
      <Button look="quiet" icon="logout" onClick={() => void leave()}>
        {t("shell.logOut")}
      </Button>
    </Popover>
  );
}

async function leave(): Promise<void> {
  try {
    const next = await logout();
    forgetItems();
    window.location.assign(next ?? "/login");
  } catch (error) {
    notifyError(error);
  }
}
