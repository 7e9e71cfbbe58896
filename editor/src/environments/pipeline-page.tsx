import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  type Environment,
  environmentQuery,
  environmentsQuery,
  openRequestsQuery,
  releasesQuery,
} from "../api/environments";
import { meQuery } from "../api/session";
import { Link } from "../routing/link";
import { t } from "../texts/environments";
import { EditButton } from "../ui/access-buttons";
import { Button } from "../ui/controls";
import { Empty, Failed, Skeleton } from "../ui/states";
import { CheckState } from "./deployment-check";
import css from "./environments.module.css";
import { ImportRelease } from "./import-release";
import { NewEnvironment } from "./new-environment";
import { NewRelease } from "./new-release";
import { ByLine, ReleaseLink } from "./parts";

/** The environments in the order of the pipeline, and the releases of the workspace. */
export function PipelinePage({ workspace }: { workspace: string }) {
  const environments = useQuery(environmentsQuery);
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("environments.title")}</h1>
        {superAdmin && environments.data && (
          <Button
            look={environments.data.length === 0 ? "main" : "plain"}
            icon="plus"
            onClick={() => setCreating(true)}
          >
            {t("environments.newEnvironment")}
          </Button>
        )}
      </div>
      {environments.isPending && <Skeleton />}
      {environments.error && <Failed error={environments.error} retry={() => void environments.refetch()} />}
      {environments.data?.length === 0 && (
        <Empty title={t("environments.none")}>
          <p>{t("environments.noneHint")}</p>
          <p>{t(superAdmin ? "environments.noneFirst" : "environments.noneAsk")}</p>
        </Empty>
      )}
      {environments.data && environments.data.length > 0 && (
        <>
          <p className={css.soft}>{t("environments.hint")}</p>
          <ol className={css.columns} aria-label={t("environments.title")}>
            {environments.data.map((each) => (
              <Column key={each.name} environment={each} />
            ))}
          </ol>
        </>
      )}
      <Releases workspace={workspace} />
      {creating && environments.data && (
        <NewEnvironment environments={environments.data} close={() => setCreating(false)} />
      )}
    </main>
  );
}

function Column({ environment }: { environment: Environment }) {
  const { name, workspace, color } = environment;
  const state = useQuery(environmentQuery(workspace));
  const requests = useQuery(openRequestsQuery(workspace)).data;
  const { current, drift, hold } = state.data ?? { current: null, drift: [], hold: null };
  return (
    <li className={css.column} style={{ borderTopColor: color }}>
      <h2>
        <Link to={`/w/${workspace}/environments/${name}`}>{name}</Link>
      </h2>
      <span className={css.soft}>{t("environments.workspaceOf", { name: workspace })}</span>
      {state.isPending && <Skeleton rows={2} />}
      {current && (
        <>
          <ReleaseLink source={current.source} number={current.number} />
          <ByLine at={current.applied_at} user={current.applied_by} />
          {current.check && <CheckState check={current.check} />}
        </>
      )}
      {state.data && !current && (
        <span>
          {t(state.data.current_unreadable ? "environments.currentUnreadable" : "environments.nothingDeployed")}
        </span>
      )}
      {state.data && <span className={css.soft}>{t("environments.driftCount", { count: drift.length })}</span>}
      {requests && <span className={css.soft}>{t("environments.openCount", { count: requests.length })}</span>}
      {hold && <strong>{t("environments.onHold")}</strong>}
    </li>
  );
}

function Releases({ workspace }: { workspace: string }) {
  const releases = useInfiniteQuery(releasesQuery(workspace));
  const listed = releases.data?.pages.flat() ?? [];
  const [creating, setCreating] = useState(false);
  const [importing, setImporting] = useState(false);
  const title = t("environments.releases", { workspace });
  return (
    <section aria-label={title}>
      <div className={css.head}>
        <h2>{title}</h2>
        <div className={css.tools}>
          <EditButton onClick={() => setImporting(true)}>{t("environments.importRelease")}</EditButton>
          <EditButton look="main" icon="plus" onClick={() => setCreating(true)}>
            {t("environments.newRelease")}
          </EditButton>
        </div>
      </div>
      {releases.isPending && <Skeleton rows={2} />}
      {releases.error && <Failed error={releases.error} retry={() => void releases.refetch()} />}
      {releases.data && listed.length === 0 && <p className={css.soft}>{t("environments.noReleases")}</p>}
      {listed.length > 0 && (
        <ul className={css.list} aria-label={title}>
          {listed.map((each) => (
            <li key={each.number}>
              <div className={css.what}>
                <ReleaseLink source={workspace} number={each.number} />
                <div className={css.soft}>{each.notes}</div>
              </div>
              <span className={css.soft}>{t("environments.itemCount", { count: each.paths.length })}</span>
              <ByLine at={each.created_at} user={each.created_by} />
            </li>
          ))}
        </ul>
      )}
      {releases.hasNextPage && (
        <div className={css.tools}>
          <Button disabled={releases.isFetchingNextPage} onClick={() => void releases.fetchNextPage()}>
            {t("environments.olderReleases")}
          </Button>
        </div>
      )}
      {importing && <ImportRelease workspace={workspace} close={() => setImporting(false)} />}
      {creating && <NewRelease workspace={workspace} close={() => setCreating(false)} />}
    </section>
  );
}
