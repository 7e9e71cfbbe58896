import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import type { RunFailureReport } from "../api/runs";
import { Time } from "../ui/time";
import { isTree, type Json } from "../workflow/types";
import { useRun } from "./context";
import { wholeQuery } from "./data/node-input";
import css from "./failure.module.css";

/** What is another than in the last run that went well: the version, what nodes call, the inputs. */
export function ChangesSinceSuccess({ since }: { since: RunFailureReport["since"] }) {
  const { workspace, id, about } = useRun();
  const currentArgs = useQuery(wholeQuery(workspace, "args", id));
  const lastArgs = useQuery({ ...wholeQuery(workspace, "args", since?.run ?? ""), enabled: since !== undefined });
  if (!since) {
    return about.version ? (
      <p className={css.changes}>No run of it went well before, as far back as was looked.</p>
    ) : null;
  }
  const versions = since.version && about.version && since.version.id !== about.version.id;
  const inputs = currentArgs.data && lastArgs.data ? differingKeys(lastArgs.data.value, currentArgs.data.value) : [];
  const unread = currentArgs.data === null || lastArgs.data === null;
  const same =
    !versions &&
    since.called.length === 0 &&
    inputs.length === 0 &&
    !unread &&
    currentArgs.isSuccess &&
    lastArgs.isSuccess;
  return (
    <div className={css.changes}>
      <p>
        It last went well {since.ended_at && <Time at={since.ended_at} />} (
        <Link to={`/w/${workspace}/runs/${since.run}`}>that run</Link>,{" "}
        <Link to={`/w/${workspace}/runs/${since.run}/compare/${id}`}>compare the two</Link>).{" "}
        {same ? "Version, inputs and what is called are the same." : "Since then:"}
      </p>
      <ul>
        {versions && (
          <li>
            version {since.version?.number} → {about.version?.number}:{" "}
            <Link
              to={`/w/${workspace}/${about.is_workflow ? "workflows" : "scripts"}/${about.workflow}?view=versions&tab=versions&before=${since.version?.id}&after=${about.version?.id}`}
            >
              what changed
            </Link>
          </li>
        )}
        {since.called.map(({ path, before, after }) => (
          <li key={path}>
            <Link to={`/w/${workspace}/scripts/${path.split("@")[0]}?tab=versions`}>{path}</Link>: version{" "}
            {before?.number ?? "none"} → {after?.number ?? "none"}
          </li>
        ))}
        {inputs.length > 0 && (
          <li>
            inputs differ: <code>{inputs.join(", ")}</code>
          </li>
        )}
        {unread && <li>inputs that are too long to be compared here</li>}
      </ul>
    </div>
  );
}

/** The keys under which two inputs differ. */
function differingKeys(one: Json, other: Json): string[] {
  if (!isTree(one) || !isTree(other)) return JSON.stringify(one) === JSON.stringify(other) ? [] : ["all of it"];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}
