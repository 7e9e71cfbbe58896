import { useQuery } from "@tanstack/react-query";
import { instanceUsageQuery } from "../api/usage";
import { t } from "../texts/settings";
import { Empty } from "../ui/states";
import { Loaded } from "./parts";
import css from "./settings.module.css";
import { Recorded, SpanField, UsageTable, useSpan } from "./usage-parts";

/** Usage of each workspace of the instance. Superadmins only. */
export function InstanceUsagePage() {
  const [span, setSpan] = useSpan();
  const usage = useQuery(instanceUsageQuery(span));
  const { workspaces = [], until } = usage.data ?? {};
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.instanceUsage")}</h1>
        <SpanField span={span} set={setSpan} />
      </div>
      <p className={css.about}>{t("settings.instanceUsageHint")}</p>
      <Loaded query={usage} />
      {usage.data && workspaces.length === 0 && (
        <Empty title={t("settings.noUsage")}>
          <p>{t("settings.noUsageHint")}</p>
        </Empty>
      )}
      {until && workspaces.length > 0 && (
        <>
          <Recorded until={until} />
          <UsageTable
            label={t("settings.instanceUsage")}
            name={t("settings.workspace")}
            lines={workspaces.map((each) => ({ ...each, key: each.workspace_id, name: each.workspace_id }))}
          />
        </>
      )}
    </main>
  );
}
