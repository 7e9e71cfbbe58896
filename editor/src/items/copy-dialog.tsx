import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { copyItems, type ItemKind, planCopy } from "../api/changes";
import { meQuery } from "../api/session";
import { errorText } from "../lib/api-error";
import { t } from "../texts/items";
import { Button, Field } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import { Skeleton } from "../ui/states";
import { notify } from "../ui/toasts";
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
    queryKey: ["copy", workspace, kind, target, ...paths],
    gcTime: 0,
    retry: false,
    enabled: target !== "",
    queryFn: () => planCopy(workspace, kind, paths, target),
  });
  const copying = useMutation({
    mutationFn: async () => {
      if (plan.data) await copyItems(workspace, plan.data, force);
    },
    onSuccess: () => {
      notify(t("items.copied", { count: paths.length, workspace: target }));
      done();
      close();
    },
  });
  const entries = plan.data?.plan.entries ?? [];
  const conflicts = entries.filter(({ action }) => action === "conflict");
  const error = copying.error ?? plan.error;
  return (
    <Dialog title={t("items.copyTitle", { count: paths.length })} close={close}>
      <div className={css.form}>
        <Field label={t("items.workspace")} help={others.length === 0 ? t("items.noWorkspace") : undefined}>
          <Select value={target} set={setTarget} disabled={others.length === 0}>
            <option value="">{t("items.chooseWorkspace")}</option>
            {others.map((id) => (
              <option key={id}>{id}</option>
            ))}
          </Select>
        </Field>
        <p className={dialogCss.description}>{t("items.copyHint")}</p>
        {plan.isFetching && <Skeleton rows={2} />}
        {conflicts.length > 0 && (
          <>
            <p>{t("items.exist")}</p>
            <ul className={css.list}>
              {conflicts.map(({ path }) => (
                <li key={path}>
                  <code>{path}</code>
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
            {errorText(error)}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button
            look="main"
            disabled={!plan.data || (conflicts.length > 0 && !force) || copying.isPending}
            onClick={() => copying.mutate()}
          >
            {t("items.copyConfirm")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
