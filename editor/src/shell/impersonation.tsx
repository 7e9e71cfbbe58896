import { endImpersonation } from "../api/session";
import { t } from "../texts/t";
import { Button } from "../ui/controls";
import { notifyError } from "../ui/toasts";
import css from "./shell.module.css";

/** Banner of a session in which an admin acts as somebody else. */
export default function ImpersonationBanner({ email, admin }: { email: string; admin: string }) {
  const end = async () => {
    try {
      await endImpersonation();
      window.location.assign("/");
    } catch (error) {
      notifyError(error);
    }
  };
  return (
    <section className={css.banner} aria-label={t("shell.impersonation")}>
      <p>{t("shell.actingAs", { email, admin })}</p>
      <Button onClick={() => void end()}>{t("shell.endImpersonation")}</Button>
    </section>
  );
}
