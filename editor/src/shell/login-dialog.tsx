import { Dialog } from "radix-ui";
import { LoginForm } from "./login";
import css from "./login.module.css";

/** The login as a dialog over what is being done. */
export default function LoginDialog({ done }: { done: () => void }) {
  return (
    <Dialog.Root open>
      <Dialog.Portal>
        <Dialog.Overlay className={css.over}>
          <Dialog.Content aria-describedby={undefined}>
            <Dialog.Title hidden>Log in again</Dialog.Title>
            <LoginForm title="Your session is over: log in again" done={done} />
          </Dialog.Content>
        </Dialog.Overlay>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
