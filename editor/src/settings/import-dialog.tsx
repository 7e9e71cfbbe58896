import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { importItems, type PlannedImport, planImport } from "../api/changes";
import { kindName } from "../kinds/kind-name";
import { errorText } from "../lib/api-error";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { Skeleton } from "../ui/states";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import { FormDialog, Problem, useSubmission } from "./parts";
import css from "./settings.module.css";

const ACTIONS: Readonly<Record<string, string>> = {
  add: t("settings.gitAdd"),
  change: t("settings.gitChange"),
  unchanged: t("settings.gitUnchanged"),
  conflict: t("settings.importConflict"),
};

/** Dialog that imports an archive, after it shows the effect on each item. */
export default function ImportDialog({ workspace, close }: { workspace: string; close: () => void }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [file, setFile] = useState<File>();
  const [attempt, setAttempt] = useState(0);
  const plan = useQuery({
    queryKey: ["import", workspace, file?.name, attempt],
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    enabled: file !== undefined,
    queryFn: () => planImport(workspace, file as File),
  });
  const changes = plan.data?.plan.entries.filter(({ action }) => action !== "unchanged") ?? [];
  const isBlocked = changes.some(({ action }) => action === "conflict") || (plan.data?.failed.length ?? 0) > 0;
  const ready = plan.data && !isBlocked && changes.length > 0 && !plan.isFetching;
  const store = async () => {
    if (!plan.data || !file || !ready) return;
    const found = plan.data;
    const message = t("settings.importMessage", { file: file.name });
    if (!(await submission.send(() => importItems(workspace, found, message)))) {
      setAttempt(attempt + 1); // the plan may be stale
      return;
    }
    notify(t("settings.imported", { count: changes.length }));
    await queries.invalidateQueries();
    close();
  };
  return (
    <FormDialog
      title={t("settings.importTitle")}
      submitLabel={t("settings.importConfirm")}
      submission={{ ...submission, busy: submission.busy || !ready }}
      submit={store}
      close={close}
      wide
    >
      <Field label={t("settings.importFile")} help={t("settings.importFileHint")}>
        <Input
          type="file"
          accept=".zip,.tar"
          onChange={({ target }) => {
            setFile(target.files?.[0]);
            setAttempt(attempt + 1);
          }}
        />
      </Field>
      {plan.isFetching && <Skeleton rows={3} />}
      {plan.error && <Problem text={errorText(plan.error)} />}
      {plan.data && !plan.isFetching && <Effect found={plan.data} />}
    </FormDialog>
  );
}

function Effect({ found }: { found: PlannedImport }) {
  const { entries } = found.plan;
  const changes = entries.filter(({ action }) => action !== "unchanged");
  const unchanged = entries.length - changes.length;
  const shown = entries.filter(({ action, reason }) => action !== "unchanged" || reason);
  if (entries.length + found.failed.length === 0) return <p className={css.about}>{t("settings.importEmpty")}</p>;
  return (
    <>
      {found.failed.length > 0 && (
        <>
          <Problem text={t("settings.importFailed")} />
          <ul className={css.items}>
            {found.failed.map(({ kind, path, message }) => (
              <li key={`${kind} ${path}`}>{message}</li>
            ))}
          </ul>
        </>
      )}
      <p role="status">{t("settings.importCount", { count: changes.length })}</p>
      <ul className={css.items} aria-label={t("settings.importPlan")}>
        {shown.map(({ kind, path, action, reason }) => (
          <li key={`${kind} ${path}`}>
            {ACTIONS[action] ?? action}: {kindName(kind)} <code>{path}</code> {reason}
          </li>
        ))}
      </ul>
      {found.warnings.map((each) => (
        <p key={each} className={css.note}>
          {withCode(each)}
        </p>
      ))}
      <p className={css.note}>
        {unchanged > 0 && t("settings.importUnchanged", { count: unchanged })}{" "}
        {changes.some(startsRuns) && t("settings.importDisabled")}{" "}
        {found.leftOut.length > 0 && t("settings.importLeftOut", { count: found.leftOut.length })}{" "}
        {t("settings.importSecrets")}
      </p>
    </>
  );
}

/** Return whether an entry creates an item that starts runs once it is enabled. */
const startsRuns = ({ kind, action }: PlannedImport["plan"]["entries"][number]): boolean =>
  action === "add" && (kind === "schedule" || kind === "http_trigger");
