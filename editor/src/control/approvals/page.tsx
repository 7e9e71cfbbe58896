import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useParams } from "react-router";
import { approvalsQuery, type WaitingApproval } from "../../api/approvals";
import { useListAddress } from "../../routes/address";
import { rememberWorkspace } from "../../routes/shell";
import { Input } from "../../ui/controls";
import { Empty, Failed, Skeleton } from "../../ui/states";
import css from "./approvals.module.css";
import { Card } from "./card";

type Sort = "asked" | "deadline" | "path";

const FAR = "9999";
const ORDERS: Record<Sort, (a: WaitingApproval, b: WaitingApproval) => number> = {
  asked: (a, b) => a.opened_at.localeCompare(b.opened_at),
  deadline: (a, b) => (a.due_at ?? FAR).localeCompare(b.due_at ?? FAR),
  path: (a, b) => (a.path ?? "").localeCompare(b.path ?? ""),
};

/** What waits for people in a workspace: first for the one who looks, then for others. */
export function ApprovalsPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useListAddress();
  const approvals = useQuery(approvalsQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const wanted = search.get("q") ?? "";
  const sort = (search.get("sort") ?? "asked") as Sort;
  const words = wanted.toLowerCase().split(/\s+/);
  const shown = (approvals.data ?? [])
    .filter((each) => words.every((word) => textOf(each).includes(word)))
    .sort(ORDERS[sort] ?? ORDERS.asked);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Approvals</h1>
        <Input
          className={css.search}
          type="search"
          aria-label="Search approvals"
          placeholder="Search"
          value={wanted}
          onChange={(event) => set("q", event.target.value)}
        />
        <select
          className={css.sort}
          aria-label="Sort by"
          value={sort}
          onChange={(event) => set("sort", event.target.value)}
        >
          <option value="asked">Asked longest first</option>
          <option value="deadline">Deadline first</option>
          <option value="path">By workflow</option>
        </select>
      </div>
      {approvals.isPending && <Skeleton />}
      {approvals.error && <Failed error={approvals.error} retry={() => void approvals.refetch()} />}
      {approvals.data?.length === 0 && (
        <Empty title="Nothing waits for anybody">
          <p>A workflow that needs a yes or no of people stands here until somebody has decided.</p>
        </Empty>
      )}
      {approvals.data && approvals.data.length > 0 && shown.length === 0 && (
        <Empty title="Nothing matches">
          <p>Nothing that is asked has “{wanted}” in it.</p>
        </Empty>
      )}
      <Group title="Waits for you" items={shown.filter((each) => each.mine)} workspace={workspace} />
      <Group title="Waits for others" items={shown.filter((each) => !each.mine)} workspace={workspace} />
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
          <Card key={each.job} workspace={workspace} asked={each} />
        ))}
      </ul>
    </section>
  );
}

const textOf = (each: WaitingApproval): string =>
  `${each.path ?? ""} ${each.node} ${each.message ?? ""} ${each.created_by}`.toLowerCase();
