import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type UsageDay, type UsageItem, usageQuery } from "../api/usage";
import { ItemLink } from "../kinds/item-link";
import { kindName } from "../kinds/kind-name";
import { useParams } from "../routing/hooks";
import { LOCALE } from "../texts/language";
import { t } from "../texts/settings";
import { Empty } from "../ui/states";
import { Loaded } from "./parts";
import css from "./settings.module.css";
import usageCss from "./usage.module.css";
import { Recorded, SpanField, UsageTable, useSpan } from "./usage-parts";

const DAY = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });

/** Usage of the workspace per day, item and member. Admins only. */
export function UsagePage() {
  const { workspace = "" } = useParams();
  const [span, setSpan] = useSpan();
  const usage = useQuery(usageQuery(workspace, span));
  const { days = [], items = [], members = [], until } = usage.data ?? {};
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.usage")}</h1>
        <SpanField span={span} set={setSpan} />
      </div>
      <p className={css.about}>{t("settings.usageHint")}</p>
      <Loaded query={usage} />
      {usage.data && days.length === 0 && (
        <Empty title={t("settings.noUsage")}>
          <p>{t("settings.noUsageHint")}</p>
        </Empty>
      )}
      {until && days.length > 0 && (
        <>
          <Recorded until={until} />
          <Section title={t("settings.usageByDay")}>
            {days.some((each) => each.runs > 0) && (
              <>
                <DayBars days={days} />
                <Legend />
              </>
            )}
            <UsageTable
              label={t("settings.usageByDay")}
              name={t("settings.usageDay")}
              lines={[...days]
                .reverse()
                .map((each) => ({ ...each, key: each.at, name: DAY.format(new Date(each.at)) }))}
            />
          </Section>
          {items.length > 0 && (
            <Section title={t("settings.usageByItem")}>
              <UsageTable
                label={t("settings.usageByItem")}
                name={t("settings.usageItem")}
                lines={items.map((each) => ({
                  ...each,
                  key: `${each.kind} ${each.path}`,
                  name: itemName(workspace, each),
                }))}
              />
            </Section>
          )}
          {members.length > 0 && (
            <Section title={t("settings.usageByMember")}>
              <UsageTable
                label={t("settings.usageByMember")}
                name={t("settings.usageMember")}
                lines={members.map((each) => ({ ...each, key: each.permissioned_as, name: each.permissioned_as }))}
              />
            </Section>
          )}
        </>
      )}
    </main>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={css.section} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

const itemName = (workspace: string, { kind, path }: UsageItem) =>
  kind && path ? (
    <>
      <ItemLink workspace={workspace} kind={kind} path={path} /> <span className={usageCss.kind}>{kindName(kind)}</span>
    </>
  ) : (
    t("settings.usageOther")
  );

/** Names of the colours of the bars. */
function Legend() {
  return (
    <p className={usageCss.legend} aria-hidden="true">
      <span>{t("settings.usageRuns")}</span>
      <span data-failed>{t("settings.usageFailed")}</span>
    </p>
  );
}

const HEIGHT = 60;

/** Bars of the runs of each day; the table below has the same values. */
function DayBars({ days }: { days: readonly UsageDay[] }) {
  const most = Math.max(1, ...days.map((each) => each.runs));
  return (
    <svg
      className={usageCss.bars}
      viewBox={`0 0 ${Math.max(days.length, 7)} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {days.map(({ at, runs, failed }, index) => (
        <g key={at}>
          <rect x={index + 0.1} width="0.8" y={HEIGHT * (1 - runs / most)} height={(HEIGHT * runs) / most} />
          <rect
            data-failed
            x={index + 0.1}
            width="0.8"
            y={HEIGHT * (1 - failed / most)}
            height={(HEIGHT * failed) / most}
          />
        </g>
      ))}
    </svg>
  );
}
