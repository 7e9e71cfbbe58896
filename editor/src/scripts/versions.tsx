import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  discardScriptDraft,
  getScript,
  restoreScript,
  scriptQuery,
  scriptVersionQuery,
  scriptVersionsQuery,
  type Version,
} from "../api/scripts";
import { lazyComponent } from "../lib/lazy-component";
import { t, tWith } from "../texts/scripts";
import { EditButton, EditIconButton } from "../ui/access-buttons";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import page from "./script.module.css";
import { isChanged, openedSource, saveScriptNow, useScript, useScriptStore } from "./store";

const TextDifference = lazyComponent(() => import("../code/text-difference"), <Skeleton />);

/** Panel of the versions of the script, each of which can be compared with the page and deployed again. */
export function Versions() {
  const { workspace, path } = useScriptStore().getState();
  const versions = useQuery({ ...scriptVersionsQuery(workspace, path), retry: false });
  const deployed = useScript((editor) => editor.deployed !== null);
  const [chosen, setChosen] = useState<Version | null>(null);
  if (!deployed) {
    return (
      <Empty title={t("scripts.noVersions")}>
        <p>{t("scripts.noVersionsHint")}</p>
      </Empty>
    );
  }
  if (versions.isPending) return <Skeleton />;
  if (versions.error) return <Failed error={versions.error} retry={() => void versions.refetch()} />;
  return (
    <section className={css.pane} aria-label={t("scripts.tabVersions")}>
      {chosen && <VersionComparison key={chosen.id} version={chosen} close={() => setChosen(null)} />}
      <ul className={page.list}>
        {versions.data.map((version) => (
          <li key={version.id} data-current={chosen?.id === version.id}>
            <div className={page.item}>
              <strong>{version.number}</strong> {version.message || t("scripts.noMessage")}
              <div className={page.soft}>
                {tWith("ui.editedBy", { time: <Time at={version.created_at} /> }, { author: version.author })}
                {version.current && ` · ${t("scripts.current")}`}
              </div>
            </div>
            <Button onClick={() => setChosen(version)}>{t("scripts.compare")}</Button>
            {!version.current && <RedeployOfRow version={version} done={() => setChosen(null)} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface RedeployProps {
  version: Version;
  done: () => void;
}

/** Return what deploys an old version again, and whether the page has a draft, which that discards. */
function useRedeploy({ version, done }: RedeployProps) {
  const store = useScriptStore();
  const { workspace, path } = store.getState();
  const queries = useQueryClient();
  const isDrafted = useScript((editor) => editor.draft.revision !== null || isChanged(editor));
  const isConflict = useScript((editor) => editor.draft.state === "conflict");
  const redeploying = useMutation({
    mutationFn: async () => {
      await saveScriptNow(store);
      // Another page has saved the draft, which must not be discarded: the page asks which draft to continue with.
      if (store.getState().draft.state === "conflict") return null;
      await restoreScript(workspace, path, version.id);
      if (store.getState().draft.revision !== null) await discardScriptDraft(workspace, path);
      await queries.invalidateQueries({ queryKey: ["script-versions", workspace, path] });
      return getScript(workspace, path);
    },
    onSuccess: (deployed) => {
      if (deployed === null) return;
      queries.setQueryData(scriptQuery(workspace, path).queryKey, deployed);
      store.setState({ deployed, ...openedSource(deployed, null), draft: { revision: null, state: "none" } });
      done();
      notify(t("scripts.redeployed", { number: version.number }));
    },
    onError: notifyError,
  });
  return { redeploy: redeploying.mutate, isBusy: redeploying.isPending || isConflict, isDrafted };
}

/** Button that deploys the version of a row again. It always asks: the row does not show what changes. */
function RedeployOfRow(props: RedeployProps) {
  const { number } = props.version;
  const { redeploy, isBusy, isDrafted } = useRedeploy(props);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <EditIconButton
        icon="undo"
        label={t("scripts.redeployVersion", { number })}
        disabled={isBusy}
        onClick={() => setAsking(true)}
      />
      {asking && (
        <RedeployQuestion number={number} isDrafted={isDrafted} redeploy={redeploy} close={() => setAsking(false)} />
      )}
    </>
  );
}

interface QuestionProps {
  number: number;
  isDrafted: boolean;
  redeploy: () => void;
  close: () => void;
}

const RedeployQuestion = ({ number, isDrafted, redeploy, close }: QuestionProps) => (
  <Confirm
    title={t("scripts.redeployTitle", { number })}
    confirmLabel={t(isDrafted ? "scripts.redeployConfirm" : "scripts.redeploy")}
    onConfirm={redeploy}
    close={close}
  >
    <p>{t(isDrafted ? "scripts.redeployHint" : "scripts.redeployEffect")}</p>
  </Confirm>
);

function VersionComparison({ version, close }: { version: Version; close: () => void }) {
  const { workspace } = useScriptStore().getState();
  const language = useScript((editor) => editor.language);
  const content = useScript((editor) => editor.content);
  const { redeploy, isBusy, isDrafted } = useRedeploy({ version, done: close });
  const [asking, setAsking] = useState(false);
  const old = useQuery(scriptVersionQuery(workspace, version.id));
  const same = old.data === content;
  const title = t("scripts.comparison", { number: version.number });
  return (
    <section className={css.inner} aria-label={title}>
      <div className={css.head}>
        <h2>{title}</h2>
        <EditButton disabled={version.current || isBusy} onClick={() => (isDrafted ? setAsking(true) : redeploy())}>
          {t("scripts.redeploy")}
        </EditButton>
        <Button look="quiet" onClick={close}>
          {t("ui.close")}
        </Button>
      </div>
      {asking && (
        <RedeployQuestion
          number={version.number}
          isDrafted={isDrafted}
          redeploy={redeploy}
          close={() => setAsking(false)}
        />
      )}
      {old.isPending && <Skeleton />}
      {old.error && <Failed error={old.error} />}
      {old.isSuccess && same && <p className={css.help}>{t("scripts.same")}</p>}
      {old.isSuccess && !same && (
        <div className={page.merge}>
          <TextDifference
            before={old.data ?? ""}
            after={content}
            language={language}
            titles={[t("scripts.version", { number: version.number }), t("scripts.thisPage")]}
          />
        </div>
      )}
    </section>
  );
}
