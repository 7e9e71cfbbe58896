import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  changesQuery,
  type Decision,
  type ItemInUse,
  type PlanEntry,
  type RequestedChange,
  type TriggerOwner,
} from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { conflictText } from "../kinds/reason-text";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/environments";
import { Button } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import css from "./environments.module.css";
import { ItemComments } from "./item-comments";
import { ACTIONS } from "./parts";

const ItemDifference = lazyComponent(
  async () => ({ default: (await import("../versions/item-difference")).ItemDifference }),
  <Skeleton rows={2} />,
);

const TITLES = [t("environments.before"), t("environments.after")] as const;

const ReferencesDialog = lazyComponent(() => import("../references/dialog"));

/** Kinds of items in a release that others refer to. */
const isReferred = (kind: string): kind is "script" | "flow" | "resource_type" =>
  ["script", "flow", "resource_type"].includes(kind);

interface Props {
  workspace: string;
  /** Id of the request. */
  request: number;
  entries: readonly PlanEntry[];
  title?: string;
  /** Sentence below the title. */
  hint?: string;
  /** Members that the added and changed triggers act for. */
  owners?: readonly TriggerOwner[];
  /** Changed items that schedules start, or that have runs in progress. */
  inUse?: readonly ItemInUse[];
  /** Comments about single items. */
  comments: readonly Decision[];
}

/** Effect of the plan of a request on each item, unchanged ones last. */
export function PlanEntries({ workspace, request, entries, owners = [], inUse = [], comments, ...rest }: Props) {
  const { title = t("environments.plan"), hint } = rest;
  const changes = entries.filter((each) => each.action !== "unchanged");
  const unchanged = entries.filter((each) => each.action === "unchanged");
  const count = changes.length;
  return (
    <section>
      <h2>{title}</h2>
      {hint && <p className={css.soft}>{hint}</p>}
      <p className={css.soft}>{count === 0 ? t("environments.nothingToDo") : t("environments.planCount", { count })}</p>
      {entries.length > 0 && (
        <ul className={css.list} aria-label={title}>
          {[...changes, ...unchanged].map((entry) => (
            <Entry
              key={`${entry.kind} ${entry.path}`}
              workspace={workspace}
              request={request}
              entry={entry}
              owner={owners.find((each) => isOf(entry, each))}
              use={inUse.find((each) => isOf(entry, each))}
              comments={comments.filter(({ item_kind: kind, item_path: path }) => isOf(entry, { kind, path }))}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface EntryProps {
  workspace: string;
  request: number;
  entry: PlanEntry;
  owner: TriggerOwner | undefined;
  use: ItemInUse | undefined;
  comments: readonly Decision[];
}

function Entry({ workspace, request, entry, owner, use, comments }: EntryProps) {
  const [open, setOpen] = useState(false);
  const [used, setUsed] = useState(false);
  const { action, kind, path, reason, overwrites } = entry;
  const name = `${kindName(kind)} ${path}`;
  return (
    <li>
      <span className={css.action}>{ACTIONS[action]}</span>
      <div className={css.what}>
        {name}
        {overwrites && <div className={css.overwrites}>{t("environments.overwrites")}</div>}
        {reason && <div className={css.soft}>{conflictText(entry)}</div>}
        {comments.length > 0 && (
          <div className={css.soft}>{t("environments.itemComments", { count: comments.length })}</div>
        )}
        {use && <div className={css.soft}>{usesText(use)}</div>}
        {owner && (
          <div className={css.soft}>
            {owner.owner ? t("environments.actsFor", { user: owner.owner }) : t("environments.actsForApplier")}
          </div>
        )}
      </div>
      {isReferred(kind) && action !== "add" && action !== "unchanged" && (
        <Button look="quiet" icon="link" aria-label={t("environments.usesOf", { name })} onClick={() => setUsed(true)}>
          {t("environments.uses")}
        </Button>
      )}
      {action !== "unchanged" && (
        <Button
          look="quiet"
          icon="down"
          aria-expanded={open}
          aria-label={t("environments.differencesOf", { name })}
          onClick={() => setOpen(!open)}
        >
          {t("environments.differences")}
        </Button>
      )}
      {used && isReferred(kind) && action !== "add" && (
        <ReferencesDialog workspace={workspace} kind={kind} path={path} close={() => setUsed(false)} />
      )}
      {open && (
        <>
          <Difference workspace={workspace} request={request} entry={entry} />
          <ItemComments workspace={workspace} request={request} entry={entry} comments={comments} />
        </>
      )}
    </li>
  );
}

function usesText({ schedules, runs }: ItemInUse): string {
  return [
    schedules > 0 && t("environments.inUseSchedules", { count: schedules }),
    runs > 0 && t("environments.inUseRuns", { count: runs }),
  ]
    .filter(Boolean)
    .join(", ");
}

function Difference({ workspace, request, entry }: Pick<EntryProps, "workspace" | "request" | "entry">) {
  const changes = useQuery(changesQuery(workspace, request));
  if (changes.error) return <Failed error={changes.error} retry={() => void changes.refetch()} />;
  if (!changes.data) return <Skeleton rows={2} />;
  const change = changes.data.find((each: RequestedChange) => isOf(entry, each));
  if (!change) return <p className={css.soft}>{t("environments.noLongerChanges")}</p>;
  return <ItemDifference change={change} titles={TITLES} />;
}

const isOf = (entry: PlanEntry, other: { kind: string | null; path: string | null }): boolean =>
  entry.kind === other.kind && entry.path === other.path;
