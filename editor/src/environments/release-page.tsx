import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { BASE } from "../api/client";
import { createRequest, type Environment, environmentsQuery, type Release, releaseQuery } from "../api/environments";
import { errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/environments";
import { Button, Field } from "../ui/controls";
import { Select } from "../ui/select";
import { Skeleton } from "../ui/states";
import { withCode } from "../ui/with-code";
import css from "./environments.module.css";
import { ByLine, ItemList, PageError } from "./parts";

/** Page of a release: its items and requirements, and its deployment to an environment. */
export function ReleasePage({ workspace, number }: { workspace: string; number: string }) {
  const release = useQuery(releaseQuery(workspace, Number(number)));
  if (release.isPending) return <Skeleton />;
  if (release.error) {
    return <PageError workspace={workspace} error={release.error} retry={() => void release.refetch()} />;
  }
  const { notes, items, removed, requirements, imported, digest, created_at: at, created_by: user } = release.data;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("environments.release", { number, source: workspace })}</h1>
        <a href={`${BASE}/api/w/${workspace}/releases/export/${number}`} download>
          {t("environments.exportFile")}
        </a>
      </div>
      <ByLine at={at} user={user} />
      {imported && (
        <p className={css.soft}>
          {t("environments.imported", { workspace: imported.workspace, number: imported.number })}
        </p>
      )}
      {notes && <p className={css.notes}>{notes}</p>}
      <p className={css.soft}>
        {t("environments.digest")}: <code>{digest.slice(0, 12)}</code>
      </p>
      <Deployment workspace={workspace} release={release.data} />
      <section>
        <h2>{t("environments.items")}</h2>
        <ItemList label={t("environments.items")} items={items} />
      </section>
      {removed.length > 0 && (
        <section>
          <h2>{t("environments.removedItems")}</h2>
          <ItemList label={t("environments.removedItems")} items={removed} />
        </section>
      )}
      {requirements.length > 0 && (
        <section>
          <h2>{t("environments.requirements")}</h2>
          <ItemList
            label={t("environments.requirements")}
            items={requirements.map(({ kind, path, resource_type: type }) => ({
              kind,
              path: type ? t("environments.requirementType", { path, type }) : path,
            }))}
          />
        </section>
      )}
    </main>
  );
}

/** Choice of the environment to which the release is deployed. */
function Deployment({ workspace, release }: { workspace: string; release: Release }) {
  const navigate = useNavigate();
  const environments = useQuery(environmentsQuery).data ?? [];
  const [name, setName] = useState<string | null>(null);
  const target = environments.find((each) => each.name === name) ?? nextAfter(environments, workspace);
  const requesting = useMutation({
    mutationFn: async () => {
      if (!target) return;
      const { id } = await createRequest(target.workspace, workspace, release.number);
      await navigate(`/w/${target.workspace}/environments/${target.name}/requests/${id}`);
    },
  });
  if (!target) return null;
  return (
    <section>
      <Field label={t("environments.deployTo")}>
        <Select value={target.name} set={setName}>
          {environments.map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
        </Select>
      </Field>
      <div className={css.tools}>
        <Button look="main" icon="deploy" disabled={requesting.isPending} onClick={() => requesting.mutate()}>
          {t("environments.requestDeployment")}
        </Button>
      </div>
      {requesting.isError && <p role="alert">{withCode(errorText(requesting.error))}</p>}
    </section>
  );
}

/** Return the environment that follows that of the workspace in the order of promotion, or else the first other one. */
const nextAfter = (environments: readonly Environment[], workspace: string): Environment | undefined =>
  environments[environments.findIndex((each) => each.workspace === workspace) + 1] ??
  environments.find((each) => each.workspace !== workspace);
