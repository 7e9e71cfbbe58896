import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  type Environment,
  type EnvironmentState,
  environmentQuery,
  environmentsQuery,
  type PlanEntry,
  planQuery,
  releasesQuery,
} from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { t, tWith } from "../texts/environments";
import { Button } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import css from "./environments.module.css";
import { ACTIONS, ReleaseLink } from "./parts";

interface Release {
  /** Workspace of the release. */
  source: string;
  number: number;
  digest: string;
}

/** Comparison with the previous environment: its release, and what this would change here. */
export function ComparedEnvironment({ state }: { state: EnvironmentState }) {
  const environments = useQuery(environmentsQuery).data ?? [];
  const { name, position } = state.environment;
  const before = environments.filter((each) => each.position < position && each.name !== name).at(-1);
  if (!before) return null;
  const title = t("environments.comparedWith", { name: before.name });
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <Comparison before={before} state={state} />
    </section>
  );
}

function Comparison({ before, state }: { before: Environment; state: EnvironmentState }) {
  const other = useQuery(environmentQuery(before.workspace));
  const releases = useInfiniteQuery(releasesQuery(before.workspace));
  if (other.error) return <Failed error={other.error} retry={() => void other.refetch()} />;
  if (other.isPending || releases.isPending) return <Skeleton rows={1} />;
  if (other.data.current_unreadable) return <p className={css.soft}>{t("environments.currentUnreadable")}</p>;
  // Nothing is deployed to the first environment: its workspace makes the releases.
  const newest = releases.data?.pages[0]?.[0];
  const release = other.data.current ?? (newest && { ...newest, source: before.workspace });
  if (!release) return <p className={css.soft}>{t("environments.nothingToCompare", { name: before.name })}</p>;
  const { source, number } = release;
  const link = { release: <ReleaseLink source={source} number={number} /> };
  if (release.digest === state.current?.digest) return <p>{tWith("environments.sameRelease", link)}</p>;
  return (
    <>
      <p>{tWith("environments.otherRelease", link, { name: before.name })}</p>
      <Differences workspace={state.environment.workspace} release={release} />
    </>
  );
}

function Differences({ workspace, release }: { workspace: string; release: Release }) {
  const [shown, setShown] = useState(false);
  const plan = useQuery({ ...planQuery(workspace, release.source, release.number), enabled: shown });
  if (!shown) {
    return (
      <div className={css.tools}>
        <Button onClick={() => setShown(true)}>{t("environments.showDifferences")}</Button>
      </div>
    );
  }
  if (plan.error) return <Failed error={plan.error} retry={() => void plan.refetch()} />;
  if (plan.isPending) return <Skeleton rows={2} />;
  const changes = plan.data.entries.filter(({ action }) => action !== "unchanged");
  return <Changes changes={changes} />;
}

function Changes({ changes }: { changes: readonly PlanEntry[] }) {
  const count = changes.length;
  return (
    <>
      <p className={css.soft}>{count === 0 ? t("environments.nothingToDo") : t("environments.planCount", { count })}</p>
      {count > 0 && (
        <ul className={css.list} aria-label={t("environments.differences")}>
          {changes.map(({ action, kind, path, reason }) => (
            <li key={`${kind} ${path}`}>
              <span className={css.action}>{ACTIONS[action]}</span>
              <div className={css.what}>
                {kindName(kind)} {path}
                {reason && <div className={css.soft}>{reason}</div>}
              </div>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
