import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import { acceptVersion, type WaitingVersion, waitingQuery } from "../api/acceptance";
import { scriptVersionQuery } from "../api/scripts";
import { differenceQuery } from "../api/versions";
import { Button } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import { notify, notifyError } from "../ui/toasts";
import css from "./acceptance.module.css";
import { Changes } from "./changes";

const TextDifference = lazy(() => import("../code/text-difference"));

interface Item {
  kind: "script" | "flow";
  path: string;
}

/** Versions that do not run for others' triggers yet: of this item, and of what its own triggers reach. */
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
    <section className={css.notices} aria-label="Waiting for acceptance">
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

/** Of a trigger: which versions it does not run yet. */
export function TriggerAcceptance({ workspace, kind, path, className }: LineProps) {
  const waiting = useQuery({ ...waitingQuery(workspace), retry: false });
  const rows = (waiting.data ?? []).filter((row) =>
    row.triggers.some((each) => each.kind === kind && each.path === path),
  );
  return rows.map((row) => (
    <p key={`${row.kind} ${row.path}`} className={className}>
      <ItemLink workspace={workspace} row={row} />
      {row.accepted ? `runs version ${row.accepted.number}; ` : "does not run; "}
      version {row.version.number} by {row.version.author} waits for acceptance.
    </p>
  ));
}

type Rows = [WaitingVersion, ...WaitingVersion[]];

/** One group for each item, with a row for each member whose triggers run it. */
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
      notify(`Version ${first.version.number} of ${first.path} is accepted.`);
    },
    onError: notifyError,
  });
  return (
    <div className={css.notice} role="status">
      <div className={css.head}>
        <p>
          {!here && <ItemLink workspace={workspace} row={first} />}
          {first.yours
            ? `Your version ${first.version.number} runs for people who start it themselves. Members whose triggers run it have to accept it first.`
            : `Version ${first.version.number} by ${first.version.author} waits for acceptance.`}{" "}
          {rows.map(untilAccepted).join(" ")}
        </p>
        {first.accepted && (
          <Button aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide differences" : "Show differences"}
          </Button>
        )}
        {acceptable && (
          <Button look="main" icon="check" disabled={accepting.isPending} onClick={() => accepting.mutate(acceptable)}>
            Accept
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
  return (
    <>
      <Link to={`/w/${workspace}/${area}/${row.path}`}>{row.path}</Link>:{" "}
    </>
  );
}

const TRIGGER_NAMES = {
  schedule: "the schedule",
  http_trigger: "the HTTP route",
  flow: "the workflow",
  webhook: "the webhook",
};

/** The version that runs for a member until this one is accepted. */
function untilAccepted(row: WaitingVersion): string {
  const triggers = row.triggers.map((each) => `${TRIGGER_NAMES[each.kind]} ${each.path}`);
  const who = triggers.length === 0 ? "Everything that acts for" : `${capital(listed(triggers))} of`;
  const many = triggers.length > 1;
  const does = row.accepted
    ? `${many ? "run" : "runs"} version ${row.accepted.number}`
    : `${many ? "do" : "does"} not run`;
  return `${who} ${row.permissioned_as} ${does} until then.`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function listed(words: string[]): string {
  if (words.length < 2) return words.join("");
  if (words.length > 3) return `${words.slice(0, 2).join(", ")} and ${words.length - 2} more`;
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function FlowDifference({ workspace, row, before }: { workspace: string; row: WaitingVersion; before: number }) {
  const found = useQuery(differenceQuery(workspace, row.path, [before, row.version.id], null));
  if (found.isPending) return <Skeleton rows={2} />;
  if (found.error) return <Failed error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <Changes difference={found.data} first={false} />
      <Link to={`/w/${workspace}/workflows/${row.path}?view=versions`}>See both versions</Link>
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
    <Suspense fallback={<Skeleton rows={2} />}>
      <TextDifference
        before={old.data}
        after={fresh.data}
        language=""
        titles={[`Version ${before.number}`, `Version ${row.version.number}`]}
      />
    </Suspense>
  );
}
