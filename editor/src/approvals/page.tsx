import { useQuery } from "@tanstack/react-query";
import { approvalsQuery, type WaitingApproval } from "../api/approvals";
import { useParams } from "../routing/hooks";
import { t } from "../texts/approvals";
import { ListTools, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
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

/** Page of the open approvals of a workspace: those that the user may decide, then the others. */
export function ApprovalsPage() {
  const { workspace = "" } = useParams();
  const approvals = useQuery(approvalsQuery(workspace));
  const found = useListTools(approvals.data, textOf, ORDERS);
  const { items, query } = found;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("approvals.approvals")}</h1>
        <ListTools what="approvals" found={found} />
      </div>
      {approvals.isPending && <Skeleton />}
      {approvals.error && <Failed error={approvals.error} retry={() => void approvals.refetch()} />}
      {approvals.data?.length === 0 && (
        <Empty title={t("approvals.empty")}>
          <p>{t("approvals.emptyHint")}</p>
        </Empty>
      )}
      {approvals.data && approvals.data.length > 0 && items.length === 0 && (
        <NoMatches what="approvals" wanted={query} />
      )}
      <Group title={t("approvals.awaitingYou")} items={items.filter((each) => each.mine)} workspace={workspace} />
      <Group title={t("approvals.awaitingOthers")} items={items.filter((each) => !each.mine)} workspace={workspace} />
    </main>
  );
}

function Group({ title, items, workspace }: { title: string; items: WaitingApproval[]; workspace: string }) {
  if (items.length === 0) return null;
  return (
    <section className={css.group} aria-label={title}>
      <h2>
        {title} <span className={css.count}>{items.length}</span>
      </h2>
      <ul className={css.list}>
        {items.map((each) => (
          <ApprovalCard key={each.job} workspace={workspace} approval={each} />
        ))}
      </ul>
    </section>
  );
}

const textOf = (each: WaitingApproval): string =>
  `${each.path ?? ""} ${each.node} ${each.message ?? ""} ${each.created_by}`;
