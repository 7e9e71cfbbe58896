import { useQuery } from "@tanstack/react-query";
import type { RunFailureReport } from "../api/runs";
import { wholeQuery } from "../api/values";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/runs";
import { Time } from "../ui/time";
import { isTree, type Json } from "../workflow/types";
import { useRun } from "./context";
import css from "./failure.module.css";

/** Changes since the last successful run: version, called scripts, inputs. */
export function ChangesSinceSuccess({ since }: { since: RunFailureReport["since"] }) {
  const { workspace, id, about } = useRun();
  const currentArgs = useQuery(wholeQuery(workspace, "args", id));
  const lastArgs = useQuery({ ...wholeQuery(workspace, "args", since?.run ?? ""), enabled: since !== undefined });
  if (!since) {
    return about.version ? <p className={css.changes}>{t("runs.noEarlierSuccess")}</p> : null;
  }
  const versions = since.version && about.version && since.version.id !== about.version.id;
  const inputs = currentArgs.data && lastArgs.data ? differingKeys(lastArgs.data.value, currentArgs.data.value) : [];
  const unread = currentArgs.data === null || lastArgs.data === null;
  const isOtherDocument = since.document_changed && !versions;
  const same =
    !versions &&
    !isOtherDocument &&
    since.called.length === 0 &&
    inputs.length === 0 &&
    !unread &&
    currentArgs.isSuccess &&
    lastArgs.isSuccess;
  return (
    <div className={css.changes}>
      <p>
        {tWith("runs.lastSuccess", {
          time: since.ended_at && <Time key="time" at={since.ended_at} />,
          run: (
            <Link key="run" to={`/w/${workspace}/runs/${since.run}`}>
              {t("runs.openRun")}
            </Link>
          ),
          compare: (
            <Link key="compare" to={`/w/${workspace}/runs/${since.run}/compare/${id}`}>
              {t("runs.compare")}
            </Link>
          ),
        })}{" "}
        {same ? t(about.version ? "runs.unchangedSince" : "runs.unchangedTest") : t("runs.changedSince")}
      </p>
      <ul>
        {versions && (
          <li>
            {tWith(
              "runs.versionChanged",
              {
                changes: (
                  <Link
                    key="changes"
                    to={`/w/${workspace}/${about.is_workflow ? "workflows" : "scripts"}/${about.workflow}?view=versions&tab=versions&before=${since.version?.id}&after=${about.version?.id}`}
                  >
                    {t("runs.showChanges")}
                  </Link>
                ),
              },
              { before: since.version?.number ?? "", after: about.version?.number ?? "" },
            )}
          </li>
        )}
        {isOtherDocument && (
          <li>
            {tWith("runs.documentChanged", {
              changes: (
                <Link key="changes" to={`/w/${workspace}/runs/${since.run}/compare/${id}`}>
                  {t("runs.showChanges")}
                </Link>
              ),
            })}
          </li>
        )}
        {since.called.map(({ path, before, after }) => (
          <li key={path}>
            {tWith(
              "runs.calledChanged",
              {
                path: (
                  <Link key="path" to={`/w/${workspace}/scripts/${path.split("@")[0]}?tab=versions`}>
                    {path}
                  </Link>
                ),
              },
              { before: before?.number ?? t("runs.noVersion"), after: after?.number ?? t("runs.noVersion") },
            )}
          </li>
        ))}
        {inputs.length > 0 && (
          <li>{tWith("runs.inputsChanged", { names: <code key="names">{inputs.join(", ")}</code> })}</li>
        )}
        {unread && <li>{t("runs.inputsTooLarge")}</li>}
      </ul>
    </div>
  );
}

/** Return the keys whose values differ in two inputs. */
function differingKeys(one: Json, other: Json): string[] {
  if (!isTree(one) || !isTree(other))
    return JSON.stringify(one) === JSON.stringify(other) ? [] : [t("runs.entireValue")];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}
