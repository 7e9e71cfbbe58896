import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { fetchGit, type GitBinding, gitBindingQuery, type IncomingPlan, incomingQuery, unbindGit } from "../api/git";
import { ownMemberQuery } from "../api/members";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import { Empty } from "../ui/states";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { GitDialog } from "./git-dialog";
import { GitHistory } from "./git-history";
import { IncomingChanges } from "./git-incoming";
import { Loaded, Problem, useSubmission } from "./parts";
import css from "./settings.module.css";

/** The repository that the workspace is bound to, its changes that are not applied, and the commits. */
export function GitPage() {
  const { workspace = "" } = useParams();
  const query = useQuery(gitBindingQuery(workspace));
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const [open, setOpen] = useState(false);
  const binding = query.data ?? null;
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.git")}</h1>
        {admin && query.isSuccess && (
          <Button look={binding ? "plain" : "main"} icon={binding ? "edit" : "plus"} onClick={() => setOpen(true)}>
            {binding ? t("settings.gitEdit") : t("settings.gitBind")}
          </Button>
        )}
      </div>
      <p className={css.about}>{t("settings.gitHint")}</p>
      <Loaded query={query} />
      {query.isSuccess && !binding && (
        <Empty title={t("settings.gitUnbound")}>
          <p>{t("settings.gitUnboundHint")}</p>
        </Empty>
      )}
      {binding && <Bound key={workspace} workspace={workspace} binding={binding} admin={admin} />}
      {open && <GitDialog workspace={workspace} binding={binding} close={() => setOpen(false)} />}
    </main>
  );
}

const STATES: Readonly<Record<GitBinding["state"], string>> = {
  pending: t("settings.gitPending"),
  synchronised: t("settings.gitSynchronised"),
  failed: t("settings.gitFailed"),
};

/** State of the synchronisation, and of the changes that are not applied. */
function stateText({ state }: GitBinding, plan?: IncomingPlan): string {
  if (state !== "synchronised" || !plan) return STATES[state];
  const conflicts = plan.items.filter(({ action }) => action === "conflict").length;
  if (conflicts > 0) return t("settings.gitConflicts", { count: conflicts });
  const count = plan.items.length + plan.hidden;
  return count > 0 ? t("settings.gitChanges", { count }) : STATES[state];
}

interface Props {
  workspace: string;
  binding: GitBinding;
  admin: boolean;
}

function Bound({ workspace, binding, admin }: Props) {
  const fetched = binding.fetched_at ?? "";
  return (
    <>
      <State workspace={workspace} binding={binding} admin={admin} />
      <section className={css.section} aria-label={t("settings.gitIncoming")}>
        <h2>{t("settings.gitIncoming")}</h2>
        <IncomingChanges workspace={workspace} fetched={fetched} />
      </section>
      <section className={css.section} aria-label={t("settings.gitHistory")}>
        <h2>{t("settings.gitHistory")}</h2>
        <GitHistory workspace={workspace} fetched={fetched} />
      </section>
    </>
  );
}

function State({ workspace, binding, admin }: Props) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const plan = useQuery(incomingQuery(workspace, binding.fetched_at ?? "")).data;
  const [confirming, setConfirming] = useState(false);
  const reload = () => queries.invalidateQueries({ queryKey: ["git", workspace] });
  const fetchNow = async () => {
    if (!(await submission.send(() => fetchGit(workspace)))) return;
    notify(t("settings.gitFetchRequested"));
    await reload();
  };
  const unbind = async () => {
    if (!(await submission.send(() => unbindGit(workspace)))) return;
    notify(t("settings.gitUnbound"));
    await reload();
  };
  const place = [binding.branch, binding.folder && `${binding.folder}/`].filter(Boolean).join(" · ");
  return (
    <section className={css.list} aria-label={t("settings.gitRepository")}>
      <div className={css.row}>
        <div className={css.what}>
          <span className={css.heading}>
            <span className={css.name}>{binding.url}</span>
            <span className={css.chip}>{stateText(binding, plan)}</span>
          </span>
          <span className={css.facts}>
            <span>{place}</span>
            {binding.head && <span className={css.mono}>{binding.head.slice(0, 10)}</span>}
            {binding.fetched_at && (
              <span>
                {t("settings.gitFetched")} <Time at={binding.fetched_at} />
              </span>
            )}
            {!binding.has_token && <span>{t("settings.gitNoToken")}</span>}
          </span>
        </div>
        <div className={css.tools}>
          <Button disabled={submission.busy} onClick={() => void fetchNow()}>
            {t("settings.gitFetch")}
          </Button>
          {admin && (
            <Button look="danger" disabled={submission.busy} onClick={() => setConfirming(true)}>
              {t("settings.gitUnbind")}
            </Button>
          )}
        </div>
        <Problem text={binding.error?.message ?? submission.errors[""]} />
        {binding.findings.length > 0 && <Findings binding={binding} />}
      </div>
      {confirming && (
        <Confirm
          title={t("settings.gitUnbindQuestion")}
          confirmLabel={t("settings.gitUnbind")}
          close={() => setConfirming(false)}
          onConfirm={() => void unbind()}
        >
          <p>{t("settings.gitUnbindHint")}</p>
        </Confirm>
      )}
    </section>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  "symbolic link": t("settings.gitLink"),
  submodule: t("settings.gitSubmodule"),
};

function Findings({ binding }: { binding: GitBinding }) {
  return (
    <div className={css.what}>
      <p className={css.note}>{t("settings.gitIgnored")}</p>
      <ul className={css.items}>
        {binding.findings.map((each) => (
          <li key={each.name}>
            {each.name}: {REASONS[each.reason] ?? each.reason}
          </li>
        ))}
      </ul>
    </div>
  );
}
