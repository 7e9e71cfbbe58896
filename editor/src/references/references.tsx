import { useQuery } from "@tanstack/react-query";
import { Fragment, type ReactNode } from "react";
import {
  type EnvironmentReferences,
  type Reference,
  type ReferredKind,
  referencesQuery,
  type WorkspaceReferences,
} from "../api/references";
import { ItemLink } from "../kinds/item-link";
import { kindName } from "../kinds/kind-name";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/references";
import { Failed, Skeleton } from "../ui/states";
import css from "./references.module.css";

interface Props {
  workspace: string;
  kind: ReferredKind;
  /** Path of the item; name of a queue, group or resource type. */
  path: string;
}

/**
 * Everything that uses an item, with the number of items that the user may not read, and of runs in progress: in the
 * workspace, and in the environments that follow it.
 */
export function References({ workspace, kind, path }: Props) {
  const query = useQuery(referencesQuery(workspace, kind, path));
  if (query.isPending) return <Skeleton rows={2} />;
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return (
    <div>
      <Uses workspace={workspace} uses={query.data} />
      <LaterEnvironments environments={query.data.environments} hidden={query.data.hidden_environments} />
    </div>
  );
}

function Uses({ workspace, uses }: { workspace: string; uses: WorkspaceReferences }) {
  const { references, hidden, runs, hidden_runs: hiddenRuns, truncated } = uses;
  const count = new Set(references.map((each) => `${each.kind} ${each.path}`)).size;
  const notes = [
    hidden > 0 && t("references.hidden", { count: hidden }),
    runs > 0 && t("references.ownRuns", { count: runs }),
    hiddenRuns > 0 && t("references.hiddenRuns", { count: hiddenRuns }),
    truncated && t("references.truncated"),
  ].filter(Boolean);
  return (
    <>
      <p className={css.note}>{t("references.count", { count })}</p>
      {count > 0 && <ReferenceList workspace={workspace} references={references} />}
      {notes.map((note) => (
        <p key={note || ""} className={css.note}>
          {note}
        </p>
      ))}
    </>
  );
}

interface LaterProps {
  environments: readonly EnvironmentReferences[] | undefined;
  /** Number of further environments, which the user may not read. */
  hidden: number | undefined;
}

/** Items that use that of the same path in the environments to which it is promoted from here. */
export function LaterEnvironments({ environments = [], hidden = 0 }: LaterProps) {
  return (
    <>
      {environments.map(({ environment, workspace, color, uses }) => {
        const title = t("references.later", { environment });
        return (
          <section key={environment} aria-label={title}>
            <p className={css.environment} style={{ borderColor: color }}>
              {title}
            </p>
            {uses ? (
              <Uses workspace={workspace} uses={uses} />
            ) : (
              <p className={css.note}>{t("references.laterMissing", { environment })}</p>
            )}
          </section>
        );
      })}
      {hidden > 0 && <p className={css.note}>{t("references.laterHidden", { count: hidden })}</p>}
    </>
  );
}

/** List of references, with links to the pages of the items. */
export function ReferenceList({ workspace, references }: { workspace: string; references: readonly Reference[] }) {
  return (
    <ul className={css.list} aria-label={t("references.usedBy")}>
      {references.map((each) => (
        <li key={`${each.kind} ${each.path} ${each.node ?? ""}`}>
          {itemText(each, linkTo(workspace, each))}
          <Details workspace={workspace} reference={each} />
        </li>
      ))}
    </ul>
  );
}

function itemText({ kind, node }: Reference, path: ReactNode): ReactNode {
  if (node) return tWith("references.node", { path }, { node });
  if (kind === "error_handler") return tWith("references.errorHandler", { path });
  return tWith("references.item", { path }, { kind: kindName(kind) });
}

function Details({ workspace, reference }: { workspace: string; reference: Reference }) {
  const { through, pinned, enabled, runs } = reference;
  const details: [string, ReactNode][] = [
    ["through", through && tWith("references.through", { path: linkTo(workspace, through) })],
    ["pinned", pinned && t("references.pinned")],
    ["disabled", enabled === false && t("references.disabled")],
    ["runs", runs > 0 && <Link to={runsOf(workspace, reference)}>{t("references.runs", { count: runs })}</Link>],
  ];
  const shown = details.filter(([, text]) => Boolean(text));
  if (shown.length === 0) return null;
  return (
    <div className={css.soft}>
      {shown.map(([name, text], index) => (
        <Fragment key={name}>
          {index > 0 && " · "}
          {text}
        </Fragment>
      ))}
    </div>
  );
}

function runsOf(workspace: string, { path }: Reference): string {
  return `/w/${workspace}/runs?path=${encodeURIComponent(path)}`;
}

/** Link to the page of an item; its name alone if it has no page. */
function linkTo(workspace: string, { kind, path, node }: Pick<Reference, "kind" | "path" | "node">): ReactNode {
  const search = `?q=${encodeURIComponent(path)}`;
  const pages: Partial<Record<Reference["kind"], string>> = {
    flow: `workflows/${path}${node ? `?panel=node&node=${node}` : ""}`,
    script: `scripts/${path}`,
    schedule: `schedules${search}`,
    resource: `settings/resources${search}`,
    variable: `settings/variables${search}`,
    policy: "settings/policies",
    environment: `environments/${path}`,
  };
  const page = pages[kind];
  return <ItemLink workspace={workspace} kind={kind} path={path} to={page && `/w/${workspace}/${page}`} />;
}
