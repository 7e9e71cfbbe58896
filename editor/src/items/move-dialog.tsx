import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { foldersQuery } from "../api/folders";
import { type AffectedItem, type Moved, type MoveEffect, moveItem, movePlanQuery } from "../api/moves";
import { FolderField } from "../forms/folder-field";
import { pathError } from "../forms/path-name";
import { kindName } from "../kinds/kind-name";
import { errorText } from "../lib/api-error";
import { useDebouncedValue } from "../lib/use-debounced-value";
import { t, tWith } from "../texts/items";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Skeleton } from "../ui/states";
import { notify } from "../ui/toasts";
import css from "./items.module.css";

interface Props {
  moved: Moved;
  /** Called with the new path after the move. */
  done: (path: string) => unknown;
  close: () => void;
}

/** Dialog that moves a workflow or script to another folder or id, after it lists what refers to it. */
export default function MoveDialog({ moved, done, close }: Props) {
  const [area = "", name = "", ...rest] = moved.path.split("/");
  const [folder, setFolder] = useState(`${area}/${name}`);
  const [id, setId] = useState(rest.join("/"));
  const folders = useQuery(foldersQuery(moved.workspace)).data;
  const queries = useQueryClient();
  const target = `${folder}/${id}`;
  const unchanged = target === moved.path;
  const problem = pathError(folder, id, new Set());
  const settled = useDebouncedValue(target, 300);
  const plan = useQuery({
    ...movePlanQuery(moved, settled),
    enabled: !unchanged && !problem && settled === target,
  });
  const moving = useMutation({
    mutationFn: () => moveItem(moved, target),
    onSuccess: async () => {
      close();
      notify(t("items.moved", { path: target }));
      queries.removeQueries({ queryKey: [moved.kind, moved.workspace, moved.path] });
      await queries.invalidateQueries();
      await done(target);
    },
  });
  const error = problem ?? textOf(moving.error ?? plan.error);
  const blocked = plan.data && (plan.data.blocking.length > 0 || plan.data.hidden > 0);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (plan.data && !blocked) moving.mutate();
  };
  return (
    <Dialog title={t("items.title", { path: moved.path })} close={close}>
      <form className={css.form} onSubmit={submit}>
        <FolderField folders={withPresent(folders, `${area}/${name}`)} folder={folder} set={setFolder} />
        <Field label={t("items.id")} error={error}>
          <Input value={id} spellCheck={false} onChange={(event) => setId(event.target.value)} />
        </Field>
        <p className={dialogCss.description}>{t("items.hint")}</p>
        {plan.isFetching && <Skeleton rows={2} />}
        {plan.data && <Effect effect={plan.data} />}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={unchanged || !plan.data || blocked || moving.isPending}>
            {t("items.confirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const textOf = (error: unknown): string | undefined => (error ? errorText(error) : undefined);

/** Return the folders with that of the item, which may be readable only. */
function withPresent<T extends { all: readonly string[] }>(folders: T | undefined, present: string): T | undefined {
  if (!folders || folders.all.includes(present)) return folders;
  return { ...folders, all: [present, ...folders.all] };
}

function Effect({ effect }: { effect: MoveEffect }) {
  const { rewritten, importing, blocking, hidden } = effect;
  if (blocking.length > 0 || hidden > 0) {
    const rest = hidden > 0 ? [<li key="hidden">{t("items.hidden", { count: hidden })}</li>] : [];
    return (
      <div className={css.problem} role="alert">
        <p>{t("items.blocking")}</p>
        <ul className={css.list}>{[...blocking.map(blockingRow), ...rest]}</ul>
        <p>{t("items.askAdmin")}</p>
      </div>
    );
  }
  return (
    <>
      <Affected title={t("items.rewritten")} none={t("items.rewrittenNone")} items={rewritten} />
      {importing.length > 0 && <Affected title={t("items.importing")} none="" items={importing} />}
    </>
  );
}

function Affected({ title, none, items }: { title: string; none: string; items: readonly AffectedItem[] }) {
  if (items.length === 0) return <p>{none}</p>;
  return (
    <div>
      <p>{title}</p>
      <ul className={css.list} aria-label={title}>
        {items.map((each) => (
          <li key={keyOf(each)}>{itemText(each)}</li>
        ))}
      </ul>
    </div>
  );
}

const keyOf = ({ kind, path }: AffectedItem): string => `${kind} ${path}`;

const REASONS = {
  not_writable: "items.notWritable",
  earlier_version: "items.earlierVersion",
  not_current: "items.notCurrent",
  not_rewritable: "items.notRewritable",
} as const;

const blockingRow = (each: AffectedItem) => (
  <li key={keyOf(each)}>{tWith(REASONS[each.reason ?? "not_writable"], { item: itemText(each) })}</li>
);

function itemText({ kind, path, nodes }: AffectedItem): ReactNode {
  const link = { path: <code>{path}</code> };
  if (kind === "error_handler") return t("items.errorHandler");
  if (kind === "flow" && nodes?.length) return tWith("items.flowNodes", link, { nodes: nodes.join(", ") });
  return tWith("items.item", link, { kind: kindName(kind) });
}
