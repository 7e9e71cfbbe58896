import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { copyItems, type ItemKind, planCopy } from "../api/changes";
import { meQuery } from "../api/session";
import { conflictText } from "../kinds/reason-text";
import { ApiError, errorText } from "../lib/api-error";
import { t } from "../texts/items";
import { Button, Field } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import { Skeleton } from "../ui/states";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import css from "./items.module.css";

interface Props {
  workspace: string;
  kind: ItemKind;
  paths: readonly string[];
  /** Called after the items are copied. */
  done: () => void;
  close: () => void;
}

/** Dialog that copies items to the same paths of another workspace, after it shows the effect. */
export default function CopyDialog({ workspace, kind, paths, done, close }: Props) {
  const me = useQuery(meQuery);
  const others = (me.data?.workspaces ?? []).map(({ id }) => id).filter((id) => id !== workspace);
  const [target, setTarget] = useState("");
  const [force, setForce] = useState(false);
  const plan = useQuery({
    queryKey: ["copy", workspace, kind, target, force, ...paths],
    gcTime: 0,
    retry: false,
    enabled: target !== "",
    // The list remains while the plan that replaces its items is made.
    placeholderData: (before, query) => (query?.queryKey[3] === target ? before : undefined),
    queryFn: () => planCopy(workspace, kind, paths, target, force),
  });
  const entries = plan.data?.plan.entries ?? [];
  const changed = entries.filter(({ action }) => action === "add" || action === "change").length;
  const conflicts = entries.filter(({ action }) => action === "conflict");
  const existing = entries.filter(({ action, overwrites }) => action === "conflict" || overwrites);
  const missing = plan.data ? paths.length - entries.length : 0;
  const copying = useMutation({
    mutationFn: async () => {
      if (plan.data) await copyItems(workspace, plan.data);
    },
    onError: (error) => {
      if (isStale(error)) void plan.refetch();
    },
    onSuccess: () => {
      notify(t("items.copied", { count: changed, workspace: target }));
      done();
      close();
    },
  });
  const choose = (next: string) => {
    setTarget(next);
    setForce(false);
    copying.reset();
  };
  const error = copying.error ?? plan.error;
  return (
    <Dialog title={t("items.copyTitle", { count: paths.length })} close={close}>
      <div className={css.form}>
        <Field label={t("items.workspace")} help={others.length === 0 ? t("items.noWorkspace") : undefined}>
          <Select value={target} set={choose} disabled={others.length === 0}>
            <option value="">{t("items.chooseWorkspace")}</option>
            {others.map((id) => (
              <option key={id}>{id}</option>
            ))}
          </Select>
        </Field>
        <p className={dialogCss.description}>{t("items.copyHint")}</p>
        {plan.isFetching && <Skeleton rows={2} />}
        {missing > 0 && <p>{t("items.copyMissing", { count: missing })}</p>}
        {entries.length > 0 && changed + conflicts.length === 0 && <p>{t("items.copyUnchanged")}</p>}
        {existing.length > 0 && (
          <>
            <p>{t("items.exist")}</p>
            <ul className={css.list}>
              {existing.map((entry) => (
                <li key={entry.path}>
                  <code>{entry.path}</code>
                  {force && !plan.isPlaceholderData && entry.action === "conflict" && (
                    <p className={css.problem}>{conflictText(entry)}</p>
                  )}
                </li>
              ))}
            </ul>
            <label>
              <input type="checkbox" checked={force} onChange={(event) => setForce(event.target.checked)} />{" "}
              {t("items.replace")}
            </label>
          </>
        )}
        {error && (
          <p className={css.problem} role="alert">
            {isStale(error) ? t("items.copyStale") : withCode(errorText(error))}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button
            look="main"
            disabled={plan.isFetching || changed === 0 || conflicts.length > 0 || copying.isPending}
            onClick={() => copying.mutate()}
          >
            {t("items.copyConfirm")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/** Items of the other workspace were changed since the plan was made. */
const isStale = (error: unknown): boolean => error instanceof ApiError && error.code === "stale_plan";
