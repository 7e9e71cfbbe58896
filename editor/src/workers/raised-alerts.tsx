import { useQuery } from "@tanstack/react-query";
import { alertsQuery } from "../api/alerts";
import { alertSubject } from "../kinds/alert-subject";
import { Link } from "../routing/link";
import { t } from "../texts/workers";
import { Icon } from "../ui/icon";
import css from "./charts.module.css";

/** Alerts of the installation that are raised, for superadmins. */
export function RaisedAlerts({ workspace }: { workspace: string }) {
  const alerts = useQuery(alertsQuery).data ?? [];
  if (alerts.length === 0) return null;
  return (
    <section className={css.alerts} aria-label={t("workers.alerts")}>
      <Icon name="warn" />
      <Link to={`/w/${workspace}/settings/alerts`}>{t("workers.alertsRaised", { count: alerts.length })}</Link>
      <span>{alerts.map(({ subject }) => alertSubject(subject)).join(", ")}</span>
    </section>
  );
}
