import { Dialog } from "radix-ui";
import { t } from "../texts/t";
import { LoginForm } from "./login";
import css from "./login.module.css";

/** Login dialog over the current page. */
export default function LoginDialog({ done }: { done: () => void }) {
  return (
    <Dialog.Root open>
      <Dialog.Portal>
        <Dialog.Overlay className={css.over}>
          <Dialog.Content aria-describedby={undefined}>
            <Dialog.Title hidden>{t("shell.logInAgain")}</Dialog.Title>
            <LoginForm title={t("shell.sessionExpired")} done={done} />
          </Dialog.Content>
        </Dialog.Overlay>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
