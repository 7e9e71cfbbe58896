import { Dialog } from "radix-ui";
import { useEffect } from "react";
import { isLoggedIn } from "../api/session";
import { t } from "../texts/t";
import { LoginForm } from "./login";
import css from "./login.module.css";

/** Login dialog over the current page. A provider logs in in another tab, so that this page keeps its changes. */
export default function LoginDialog({ done }: { done: () => void }) {
  useEffect(() => {
    const check = async () => {
      if (await isLoggedIn()) done();
    };
    window.addEventListener("focus", check);
    return () => window.removeEventListener("focus", check);
  }, [done]);
  return (
    <Dialog.Root open>
      <Dialog.Portal>
        <Dialog.Overlay className={css.over}>
          <Dialog.Content aria-describedby={undefined}>
            <Dialog.Title hidden>{t("shell.logInAgain")}</Dialog.Title>
            <LoginForm
              title={t("shell.sessionExpired")}
              done={done}
              then="/"
              open={(url) => window.open(url, "_blank", "noopener")}
            />
          </Dialog.Content>
        </Dialog.Overlay>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
