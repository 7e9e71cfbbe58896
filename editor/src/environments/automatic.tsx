import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type EnvironmentState, setAutomatic } from "../api/environments";
import { storedReasonText } from "../kinds/reason-text";
import { t, tWith } from "../texts/environments";
import { Button } from "../ui/controls";
import { Time } from "../ui/time";
import { notifyError } from "../ui/toasts";
import css from "./environments.module.css";

/** Automatic promotion to an environment that is not the first one: as whom, what it waits for, and its end. */
export function Automatic({ workspace, state }: { workspace: string; state: EnvironmentState }) {
  const queries = useQueryClient();
  const setting = useMutation({
    mutationFn: (enabled: boolean) => setAutomatic(workspace, enabled),
    onError: notifyError,
    onSuccess: () => queries.invalidateQueries({ queryKey: ["environment", workspace] }),
  });
  const { environment, automatic } = state;
  if (environment.position === 1) return null;
  const ended = automatic?.disabled_reason;
  const user = automatic?.permissioned_as ?? "";
  const title = t("environments.automatic");
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {automatic && !ended && (
        <p>{tWith("environments.automaticSince", { time: <Time at={automatic.since} /> }, { user })}</p>
      )}
      {automatic?.waits_for && !ended && (
        <p className={css.soft}>
          {t("environments.automaticWaits", {
            reason: storedReasonText(automatic.waits_for, automatic.waits_for_code),
          })}
        </p>
      )}
      {ended && (
        <p className={css.warning} role="status">
          {t("environments.automaticEnded", {
            user,
            reason: storedReasonText(ended, automatic.disabled_reason_code),
          })}
        </p>
      )}
      {(!automatic || ended) && <p className={css.soft}>{t("environments.automaticHint")}</p>}
      <div className={css.tools}>
        {(!automatic || ended) && (
          <Button disabled={setting.isPending} onClick={() => setting.mutate(true)}>
            {t("environments.automaticEnable")}
          </Button>
        )}
        {automatic && (
          <Button disabled={setting.isPending} onClick={() => setting.mutate(false)}>
            {t("environments.automaticDisable")}
          </Button>
        )}
      </div>
    </section>
  );
}
