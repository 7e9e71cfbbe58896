import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type ItemHistory, itemHistoriesQuery } from "../api/item-histories";
import { recentItems } from "../lib/recent-items";
import { t } from "../texts/home";
import { RunStrip } from "../ui/run-strip";
import { Status } from "../ui/status";
import { Card, Line, named } from "./card";
import css from "./home.module.css";

const SHOWN = 6;

/** Workflows executed in the last week, those with failures first, with their success rates and newest runs. */
export function HealthCard({ workspace }: { workspace: string }) {
  const { data, isPending, isError } = useQuery(itemHistoriesQuery(workspace, "flow"));
  const base = `/w/${workspace}`;
  if (isError) return null;
  const items = [...(data?.values() ?? [])].sort((a, b) => failureRate(b) - failureRate(a)).slice(0, SHOWN);
  return (
    <Card
      title={t("home.health")}
      all={t("home.allWorkflows")}
      to={`${base}/workflows`}
      emptyText={t("home.healthNone")}
      loading={isPending}
    >
      {items.map((item) => (
        <Line key={item.path} to={`${base}/workflows/${item.path}`} {...named(item.summary, item.path, rateText(item))}>
          <RunStrip runs={item.runs} />
          {item.runs[0] && <Status status={item.runs[0].state} />}
        </Line>
      ))}
    </Card>
  );
}

function failureRate({ succeeded, failed }: ItemHistory): number {
  return failed / Math.max(succeeded + failed, 1);
}

function rateText({ succeeded, failed }: ItemHistory): string {
  const count = succeeded + failed;
  if (count === 0) return t("home.healthNoEnd");
  return t("home.healthRate", { percent: Math.floor((100 * succeeded) / count), count });
}

const KINDS = { workflows: t("home.kindWorkflow"), scripts: t("home.kindScript") };

/** Workflows and scripts that this browser opened last. */
export function RecentCard({ workspace }: { workspace: string }) {
  const [items] = useState(() => recentItems(workspace));
  return (
    <Card
      title={t("home.recent")}
      all={t("home.allScripts")}
      to={`/w/${workspace}/scripts`}
      emptyText={t("home.recentNone")}
    >
      {items.map(({ kind, path, name }) => (
        <Line key={`${kind}/${path}`} to={`/w/${workspace}/${kind}/${path}`} name={name} detail={path}>
          <span className={css.detail}>{KINDS[kind]}</span>
        </Line>
      ))}
    </Card>
  );
}
