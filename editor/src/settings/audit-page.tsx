import { type InfiniteData, type UseInfiniteQueryResult, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import { type AuditEntry, type AuditFilter, auditQuery, exportUrl } from "../api/audit";
import { meQuery } from "../api/session";
import { debounce } from "../lib/debounce";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { useUrlParams } from "../ui/use-url-params";
import { AuditVerify } from "./audit-verify";
import { operationName } from "./operation-names";
import { Rows } from "./parts";
import css from "./settings.module.css";

const KINDS: readonly [string, string][] = [
  ["Created", t("settings.kindCreated")],
  ["Updated", t("settings.kindUpdated")],
  ["Delete", t("settings.kindDeleted")],
  ["Execute", t("settings.kindExecuted")],
];
const NAMES = ["username", "operation", "action_kind", "resource_prefix", "after", "before"] as const;
type AuditQuery = UseInfiniteQueryResult<InfiniteData<AuditEntry[]>>;
const INSTANCE = "instance";
/** Pause in typing after which a filter applies. */
const PAUSE_MS = 400;

/** Audit trail of the workspace, for superadmins also of the installation. Its filters are part of the address. */
export function AuditPage() {
  const { workspace = "" } = useParams();
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const [search, set] = useUrlParams();
  const [verifying, setVerifying] = useState(false);
  const scope = superAdmin && search.get("of") === INSTANCE ? null : workspace;
  const filter = Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ""])) as unknown as AuditFilter;
  const entries = useInfiniteQuery(auditQuery(scope, filter));
  const operations = useRef(new Map<string, string>());
  for (const { operation } of entries.data?.pages.flat() ?? [])
    operations.current.set(operationName(operation, scope), operation);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.audit")}</h1>
        {superAdmin && (
          <Select aria-label={t("settings.auditOf")} value={scope === null ? INSTANCE : ""} set={(of) => set("of", of)}>
            <option value="">{t("settings.auditWorkspace")}</option>
            <option value={INSTANCE}>{t("settings.auditInstance")}</option>
          </Select>
        )}
        <a href={exportUrl(scope, filter)} download="audit.ndjson">
          {t("settings.export")}
        </a>
        <Button icon="check" onClick={() => setVerifying(true)}>
          {t("settings.verify")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.auditHint")}</p>
      <p className={css.note}>{t("settings.auditNumbers")}</p>
      <Filters key={search.get("of")} filter={filter} set={set} operations={operations.current} />
      <Entries entries={entries} scope={scope} />
      {verifying && <AuditVerify scope={scope} close={() => setVerifying(false)} />}
    </main>
  );
}

interface FiltersProps {
  filter: AuditFilter;
  set: (name: string, value: string) => void;
  /** Operations by the names that entries were shown with. */
  operations: ReadonlyMap<string, string>;
}

/** Fields of the filters. Texts apply after a pause in typing, as each query of the trail is recorded in it. */
function Filters({ filter, set, operations }: FiltersProps) {
  const text = (name: keyof AuditFilter, label: string, help?: string) => (
    <TextFilter label={label} help={help} value={filter[name]} set={(value) => set(name, value)} />
  );
  const time = (name: keyof AuditFilter, label: string) => (
    <Field label={label}>
      <Input
        key={filter[name]}
        type="datetime-local"
        defaultValue={localTime(filter[name])}
        onBlur={({ target }) => set(name, isoTime(target.value))}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
    </Field>
  );
  return (
    <search className={css.filters} aria-label={t("settings.filters")}>
      {text("username", t("settings.person"))}
      <TextFilter
        label={t("settings.operation")}
        help={t("settings.operationHint")}
        value={filter.operation}
        set={(value) => set("operation", operations.get(value.trim()) ?? value)}
        suggestions={operations}
      />
      {text("resource_prefix", t("settings.item"), t("settings.auditItemHint"))}
      <Field label={t("settings.kind")}>
        <Select value={filter.action_kind} set={(kind) => set("action_kind", kind)}>
          <option value="">{t("settings.anyKind")}</option>
          {KINDS.map(([name, word]) => (
            <option key={name} value={name}>
              {word}
            </option>
          ))}
        </Select>
      </Field>
      {time("after", t("settings.since"))}
      {time("before", t("settings.until"))}
    </search>
  );
}

interface TextFilterProps {
  label: string;
  help?: string | undefined;
  value: string;
  set: (value: string) => void;
  /** Suggested values by their names. */
  suggestions?: ReadonlyMap<string, string>;
}

/** Field of a text, which applies after a pause in typing, or when it is confirmed or left. */
function TextFilter({ label, help, value, set, suggestions }: TextFilterProps) {
  const list = useId();
  const [typed, setTyped] = useState(value);
  const latest = useRef({ typed: value, applied: value, set });
  latest.current.set = set;
  const [applied] = useState(() =>
    debounce(PAUSE_MS, () => {
      const { typed, set } = latest.current;
      latest.current.applied = typed;
      set(typed);
    }),
  );
  useEffect(() => applied.cancel, [applied]);
  useEffect(() => {
    // Another address, such as that before, replaces the text.
    if (latest.current.applied === value) return;
    Object.assign(latest.current, { typed: value, applied: value });
    setTyped(value);
  }, [value]);
  return (
    <Field label={label} help={help}>
      {suggestions && (
        <datalist id={list}>
          {[...suggestions].map(([name, each]) => (
            <option key={name} value={each} label={name} />
          ))}
        </datalist>
      )}
      <Input
        type="search"
        list={suggestions && list}
        value={typed}
        onChange={({ target }) => {
          setTyped(target.value);
          latest.current.typed = target.value;
          applied.soon();
        }}
        onBlur={applied.flush}
        onKeyDown={(event) => event.key === "Enter" && applied.flush()}
      />
    </Field>
  );
}

/** Return the time of a field in the format of the API; "" if the field is empty. */
const isoTime = (text: string): string => (text ? new Date(text).toISOString() : "");

/** Return the text of a field for a time of the API, in the zone of the browser. */
function localTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Entries({ entries, scope }: { entries: AuditQuery; scope: string | null }) {
  const items = entries.data?.pages.flat() ?? [];
  return (
    <>
      {entries.isPending && <Skeleton />}
      {entries.error && <Failed error={entries.error} retry={() => void entries.refetch()} />}
      {entries.data && items.length === 0 && (
        <Empty title={t("ui.noMatches")}>
          <p>{t("settings.noAudit")}</p>
        </Empty>
      )}
      <Rows
        label={t("settings.audit")}
        items={items}
        keyOf={(each) => String(each.id)}
        row={(each) => <Entry entry={each} scope={scope} />}
      />
      {entries.hasNextPage && (
        <div>
          <Button disabled={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            {t("settings.older")}
          </Button>
        </div>
      )}
    </>
  );
}

function Entry({ entry, scope }: { entry: AuditEntry; scope: string | null }) {
  const kind = KINDS.find(([name]) => name === entry.action_kind)?.[1] ?? entry.action_kind;
  const parameters = entry.parameters ?? null;
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name} title={entry.operation}>
            {operationName(entry.operation, scope)}
          </span>
          <span className={css.chip}>{kind}</span>
          <span className={css.mono}>{entry.resource}</span>
        </span>
        <span className={css.facts}>
          <span>{entry.username}</span>
          {entry.on_behalf_of && <span>{t("settings.onBehalfOf", { name: entry.on_behalf_of })}</span>}
          <span>{entry.address}</span>
          <span className={css.mono}>{entry.operation}</span>
          <span>#{entry.id}</span>
        </span>
      </div>
      <span className={css.note}>
        <Time at={entry.timestamp} />
      </span>
      {parameters !== null && (
        <details className={css.note}>
          <summary>{t("settings.details")}</summary>
          <pre className={css.parameters}>{JSON.stringify(parameters, null, 2)}</pre>
        </details>
      )}
    </>
  );
}
