import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { approvalsQuery, type WaitingApproval, withDecided } from "../api/approvals";
import { type DeploymentRequest, waitingRequestsQuery } from "../api/environments";
import { overviewQuery } from "../api/overview";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t } from "../texts/approvals";
import { ListTools, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import css from "./approvals.module.css";
import { ApprovalCard } from "./card";

const NO_DEADLINE = "9999";
const ORDERS: readonly [SortOption<WaitingApproval>, ...SortOption<WaitingApproval>[]] = [
  { name: "oldest", label: t("approvals.sortOldest"), before: (a, b) => a.opened_at.localeCompare(b.opened_at) },
  {
    name: "deadline",
    label: t("approvals.sortDeadline"),
    before: (a, b) => (a.due_at ?? NO_DEADLINE).localeCompare(b.due_at ?? NO_DEADLINE),
  },
  { name: "path", label: t("approvals.sortWorkflow"), before: (a, b) => (a.path ?? "").localeCompare(b.path ?? "") },
];

/** Page of the open approvals of a workspace: requests to deploy, then runs that the user may decide, then the others. */
export function ApprovalsPage() {
  const { workspace = "" } = useParams();
  const approvals = useQuery(approvalsQuery(workspace));
  const deployments = useQuery(waitingRequestsQuery(workspace));
  const { items: all, decided, keep } = useWithDecided(approvals.data);
  const queries = useQueryClient();
  const waiting = approvals.data;
  // The number in the navigation changes with the list.
  useEffect(() => {
    if (waiting) void queries.invalidateQueries(overviewQuery(workspace));
  }, [queries, workspace, waiting]);
  const found = useListTools(all, textOf, ORDERS);
  const { items, query } = found;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("approvals.approvals")}</h1>
        <ListTools what="approvals" found={found} />
      </div>
      {(approvals.isPending || deployments.isPending) && <Skeleton />}
      {approvals.error && <Failed error={approvals.error} retry={() => void approvals.refetch()} />}
      {deployments.error && <Failed error={deployments.error} retry={() => void deployments.refetch()} />}
      <Deployments workspace={workspace} requests={deployments.data ?? []} />
      {all?.length === 0 && deployments.data?.length === 0 && (
        <Empty title={t("approvals.empty")}>
          <p>{t("approvals.emptyHint")}</p>
        </Empty>
      )}
      {all && all.length > 0 && items.length === 0 && <NoMatches what="approvals" wanted={query} />}
      <Group
        title={t("approvals.awaitingYou")}
        items={items.filter((each) => each.mine)}
        {...{ workspace, decided, keep }}
      />
      <Group
        title={t("approvals.awaitingOthers")}
        items={items.filter((each) => !each.mine)}
        {...{ workspace, decided, keep }}
      />
    </main>
  );
}

/**
 * Return the open approvals and those that were decided on this page, which keep their places: the next card must not
 * move under a mouse that is pressed again.
 */
function useWithDecided(open: WaitingApproval[] | undefined) {
  const [decided, setDecided] = useState<readonly WaitingApproval[]>([]);
  return {
    items: open && withDecided(open, decided),
    decided: new Set(decided.map((each) => each.job)),
    keep: (approval: WaitingApproval) => setDecided((before) => [...before, approval]),
  };
}

/** Requests to deploy that wait for the approval of the user. */
function Deployments({ workspace, requests }: { workspace: string; requests: DeploymentRequest[] }) {
  if (requests.length === 0) return null;
  return (
    <section className={css.group} aria-label={t("approvals.deployments")}>
      <h2>
        {t("approvals.deployments")} <span className={css.count}>{requests.length}</span>
      </h2>
      <ul className={css.list}>
        {requests.map(({ id, kind, source, number, environment, author, reason, created_at: at }) => (
          <li key={id} className={css.deployment}>
            <Link to={`/w/${workspace}/environments/${environment}/requests/${id}`}>
              {t(kind === "rollback" ? "approvals.rollback" : "approvals.deployment", { source, number, environment })}
            </Link>
            <span className={css.soft}>
              {t("approvals.requestedBy", { user: author })} <Time at={at} />
            </span>
            {reason && <span className={css.soft}>{reason}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface GroupProps {
  title: string;
  items: WaitingApproval[];
  workspace: string;
  /** Jobs of the approvals that were decided on this page. */
  decided: ReadonlySet<string>;
  keep: (decided: WaitingApproval) => void;
}

function Group({ title, items, workspace, decided, keep }: GroupProps) {
  if (items.length === 0) return null;
  const open = items.filter(({ job }) => !decided.has(job)).length;
  const shown = open > 0 ? title : t("approvals.decided");
  return (
    <section className={css.group} aria-label={shown}>
      <h2>
        {shown} {open > 0 && <span className={css.count}>{open}</span>}
      </h2>
      <ul className={css.list}>
        {items.map((each) => (
          <ApprovalCard key={each.job} workspace={workspace} approval={each} decided={() => keep(each)} />
        ))}
      </ul>
    </section>
  );
}

const textOf = (each: WaitingApproval): string =>
  `${each.summary ?? ""} ${each.path ?? ""} ${each.node} ${each.message ?? ""} ${each.created_by}`;
