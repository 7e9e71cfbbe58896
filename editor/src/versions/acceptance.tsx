import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { acceptVersion, type WaitingVersion, waitingQuery } from "../api/acceptance";
import { scriptVersionQuery } from "../api/scripts";
import { differenceQuery } from "../api/versions";
import { lazyComponent } from "../lib/lazy-component";
import { Link } from "../routing/link";
import { LOCALE } from "../texts/language";
import { t, tWith } from "../texts/versions";
import { Button } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import { notify, notifyError } from "../ui/toasts";
import css from "./acceptance.module.css";

const Changes = lazyComponent(async () => ({ default: (await import("./changes")).Changes }), <Skeleton rows={2} />);
const TextDifference = lazyComponent(() => import("../code/text-difference"), <Skeleton rows={2} />);

interface Item {
  kind: "script" | "flow";
  path: string;
}

/** Notices of versions that triggers of other members do not run yet: of this item, and of items that its triggers run. */
export function AcceptanceNotices({
  workspace,
  item,
  version,
}: {
  workspace: string;
  item: Item;
  version: number | string;
}) {
  const waiting = useQuery({ ...waitingQuery(workspace, item, version), retry: false });
  const groups = groupsOf(waiting.data ?? []);
  if (groups.length === 0) return null;
  return (
    <section className={css.notices} aria-label={t("versions.waiting")}>
      {groups.map((rows) => (
        <Notice key={`${rows[0].kind} ${rows[0].path}`} workspace={workspace} rows={rows} item={item} />
      ))}
    </section>
  );
}

interface LineProps {
  workspace: string;
  kind: "schedule" | "http_trigger";
  path: string;
  className: string | undefined;
}

/** Versions that a trigger does not run yet. */
export function TriggerAcceptance({ workspace, kind, path, className }: LineProps) {
  const waiting = useQuery({ ...waitingQuery(workspace), retry: false });
  const rows = (waiting.data ?? []).filter((row) =>
    row.triggers.some((each) => each.kind === kind && each.path === path),
  );
  return rows.map((row) => (
    <p key={`${row.kind} ${row.path}`} className={className}>
      {triggerText(row, <ItemLink workspace={workspace} row={row} />)}
    </p>
  ));
}

function triggerText({ accepted, version: { number, author } }: WaitingVersion, item: ReactNode): ReactNode {
  return accepted
    ? tWith("versions.triggerRuns", { item }, { accepted: accepted.number, number, author })
    : tWith("versions.triggerStopped", { item }, { number, author });
}

type Rows = [WaitingVersion, ...WaitingVersion[]];

/** Group rows by item. A group has one row per member whose triggers run the item. */
function groupsOf(rows: readonly WaitingVersion[]): Rows[] {
  const found = new Map<string, Rows>();
  for (const row of rows) {
    const key = `${row.kind} ${row.path}`;
    const group = found.get(key);
    if (group) group.push(row);
    else found.set(key, [row]);
  }
  return [...found.values()];
}

function Notice({ workspace, rows, item }: { workspace: string; rows: Rows; item: Item }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [first] = rows;
  const here = first.kind === item.kind && first.path === item.path;
  const acceptable = rows.find((row) => row.may_accept);
  const accepting = useMutation({
    mutationFn: (row: WaitingVersion) => acceptVersion(workspace, row),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["acceptance", workspace] });
      notify(t("versions.accepted", { number: first.version.number, path: first.path }));
    },
    onError: notifyError,
  });
  return (
    <div className={css.notice} role="status">
      <div className={css.head}>
        <p>
          {!here && (
            <>
              <ItemLink workspace={workspace} row={first} />:{" "}
            </>
          )}
          {first.yours
            ? t("versions.yours", { number: first.version.number })
            : t("versions.waits", { number: first.version.number, author: first.version.author })}{" "}
          {rows.map(untilAccepted).join(" ")}
        </p>
        {first.accepted && (
          <Button aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? t("versions.hideDifferences") : t("versions.showDifferences")}
          </Button>
        )}
        {acceptable && (
          <Button look="main" icon="check" disabled={accepting.isPending} onClick={() => accepting.mutate(acceptable)}>
            {t("versions.accept")}
          </Button>
        )}
      </div>
      {open && first.accepted && (
        <div className={css.difference}>
          {first.kind === "flow" ? (
            <FlowDifference workspace={workspace} row={first} before={first.accepted.id} />
          ) : (
            <ScriptDifference workspace={workspace} row={first} before={first.accepted} />
          )}
        </div>
      )}
    </div>
  );
}

function ItemLink({ workspace, row }: { workspace: string; row: WaitingVersion }) {
  const area = row.kind === "flow" ? "workflows" : "scripts";
  return <Link to={`/w/${workspace}/${area}/${row.path}`}>{row.path}</Link>;
}

const TRIGGER_NAMES = {
  schedule: "versions.schedule",
  http_trigger: "versions.route",
  flow: "versions.workflow",
  webhook: "versions.webhook",
} as const;

/** The version that runs for a member until this one is accepted. */
function untilAccepted(row: WaitingVersion): string {
  const names = row.triggers.map(({ kind, path }) => t(TRIGGER_NAMES[kind], { path }));
  const [count, triggers, user] = [names.length, listed(names), row.permissioned_as];
  return row.accepted
    ? t("versions.runsUntil", { count, triggers, user, version: row.accepted.number })
    : t("versions.stoppedUntil", { count, triggers, user });
}

const MAX_NAMES = 3;
const LIST = new Intl.ListFormat(LOCALE, { type: "conjunction" });

function listed(names: string[]): string {
  if (names.length <= MAX_NAMES) return LIST.format(names);
  const shown = names.slice(0, MAX_NAMES - 1);
  return LIST.format([...shown, t("versions.more", { count: names.length - shown.length })]);
}

function FlowDifference({ workspace, row, before }: { workspace: string; row: WaitingVersion; before: number }) {
  const found = useQuery(differenceQuery(workspace, row.path, [before, row.version.id], null));
  if (found.isPending) return <Skeleton rows={2} />;
  if (found.error) return <Failed error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <Changes difference={found.data} first={false} />
      <Link to={`/w/${workspace}/workflows/${row.path}?view=versions`}>{t("versions.compareBoth")}</Link>
    </>
  );
}

interface ScriptSides {
  workspace: string;
  row: WaitingVersion;
  before: { id: number; number: number };
}

function ScriptDifference({ workspace, row, before }: ScriptSides) {
  const old = useQuery(scriptVersionQuery(workspace, before.id));
  const fresh = useQuery(scriptVersionQuery(workspace, row.version.id));
  if (old.error ?? fresh.error) return <Failed error={(old.error ?? fresh.error) as Error} />;
  if (old.isPending || fresh.isPending) return <Skeleton rows={2} />;
  return (
    <TextDifference
      before={old.data}
      after={fresh.data}
      language=""
      titles={[t("versions.version", { number: before.number }), t("versions.version", { number: row.version.number })]}
    />
  );
}
