import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  previewRestart,
  type RestartPoint,
  type RestartPreview,
  restartPointAt,
  restartRefusal,
  restartRun,
} from "../../api/restart";
import { type Version, versionsQuery } from "../../api/versions";
import { useEditor } from "../../editor/context";
import { errorText } from "../../lib/api-error";
import { useNavigate } from "../../routing/hooks";
import { t } from "../../texts/runs";
import { RunButton } from "../../ui/access-buttons";
import { Button, Field } from "../../ui/controls";
import { Dialog, dialogCss } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { Select } from "../../ui/select";
import { Failed, Skeleton } from "../../ui/states";
import { notify, notifyError } from "../../ui/toasts";
import { withCode } from "../../ui/with-code";
import { useRun } from "../context";
import { previewLines } from "./preview-lines";
import css from "./restart.module.css";

interface DialogProps {
  title: string;
  point: RestartPoint;
  close: () => void;
}

/** Dialog that shows the nodes that a restart reuses and runs, before it starts. A refusal may offer another node. */
export function RestartDialog(props: DialogProps) {
  const { close } = props;
  const [offered, setOffered] = useState<{ title: string; point: RestartPoint } | null>(null);
  const { title, point } = offered ?? props;
  const { workspace, id } = useRun();
  const navigate = useNavigate();
  const versions = useVersions();
  // A retry is usually started after the workflow was corrected.
  const preferred = point === null ? (versions.current?.id ?? null) : null;
  const [chosen, setVersion] = useState<number | null | undefined>(undefined);
  const version = chosen === undefined ? preferred : chosen;
  const [busy, setBusy] = useState(false);
  const preview = useQuery({
    queryKey: ["restart-preview", workspace, id, JSON.stringify(point), version],
    queryFn: () => previewRestart(workspace, id, point, version),
    retry: false,
    gcTime: 0,
    enabled: versions.known,
  });
  const restart = async () => {
    setBusy(true);
    try {
      const made = await restartRun(workspace, id, point, version);
      close();
      notify(t(preview.data?.kept.length ? "runs.restartStarted" : "runs.restartAll"));
      await navigate(`/w/${workspace}/runs/${made}`);
    } catch (error) {
      setBusy(false);
      notifyError(error);
    }
  };
  return (
    <Dialog title={title} close={close}>
      <VersionField versions={versions} version={version} setVersion={setVersion} />
      {preview.isPending && <Skeleton rows={3} />}
      {preview.isError && <Refusal error={preview.error} offer={setOffered} />}
      {preview.data && <Preview preview={preview.data} />}
      <div className={dialogCss.foot}>
        <Button onClick={close}>{t("ui.cancel")}</Button>
        <Button look="main" icon="play" disabled={busy || !preview.data} onClick={() => void restart()}>
          {t("runs.startRun")}
        </Button>
      </div>
    </Dialog>
  );
}

interface RefusalProps {
  error: unknown;
  offer: (restart: { title: string; point: RestartPoint }) => void;
}

/** The rule that forbids a restart, with the node from which it is allowed; or the error of the request. */
function Refusal({ error, offer }: RefusalProps) {
  const graph = useEditor((editor) => editor.graph);
  const picked = useEditor((editor) => editor.shownIterations);
  const refusal = restartRefusal(error);
  if (!refusal) return <Failed error={error} />;
  const { node } = refusal;
  const point = node === null || !graph.byId.has(node) ? null : restartPointAt(graph, picked, node);
  return (
    <>
      <p role="alert">{withCode(errorText(error))}</p>
      {node !== null && point !== null && typeof point !== "string" && (
        <RunButton onClick={() => offer({ title: t("runs.restartFrom", { node }), point })}>
          {t("runs.restartFrom", { node })}
        </RunButton>
      )}
    </>
  );
}

/** Versions between which the user selects, if they differ. */
interface Versions {
  /** Number of the version that the run used; undefined if it is the current one, or not deployed. */
  used: number | undefined;
  current: Version | undefined;
  /** The versions are loaded. */
  known: boolean;
}

function useVersions(): Versions {
  const { workspace, about } = useRun();
  const { version: used, workflow } = about;
  const differs = used !== undefined && !used.current && Boolean(workflow);
  const versions = useInfiniteQuery({ ...versionsQuery(workspace, workflow ?? ""), enabled: differs });
  const current = versions.data?.pages.flat().find((each) => each.current);
  return { used: differs ? used.number : undefined, current, known: !differs || !versions.isPending };
}

interface VersionProps {
  versions: Versions;
  /** Id of the version of the new run; null: that of this run. */
  version: number | null;
  setVersion: (version: number | null) => void;
}

/** Choice between the version that the run used and the current one, where they differ. */
function VersionField({ versions: { used, current }, version, setVersion }: VersionProps) {
  if (used === undefined) return null;
  return (
    <Field label={t("runs.versionOfNewRun")} help={t("runs.versionHelp")}>
      <Select value={version ?? ""} set={(value) => setVersion(value === "" ? null : Number(value))}>
        <option value="">{t("runs.versionOfRun", { number: used })}</option>
        {current && <option value={current.id}>{t("runs.versionNow", { number: current.number })}</option>}
      </Select>
    </Field>
  );
}

const OUTCOMES = {
  again: [t("runs.willRun"), "play"],
  kept: [t("runs.willReuse"), "check"],
  skipped: [t("runs.willSkip"), "skip"],
} as const;

function Preview({ preview }: { preview: RestartPreview }) {
  const graph = useEditor((editor) => editor.graph);
  return (
    <ul className={css.preview} aria-label={t("runs.restartPreview")}>
      {previewLines(preview, graph).map(({ id, part }) => {
        const [word, icon] = OUTCOMES[part];
        const inside = preview.inside?.find((each) => each.step_id === id);
        return (
          <li key={id}>
            <span className={css.line} data-part={part} data-node={id}>
              <Icon name={icon} size={14} />
              <span className={css.id}>{id}</span>
              <span className={css.word}>{inside ? bodyText(inside) : word}</span>
            </span>
            {inside?.body && <Preview preview={inside.body} />}
          </li>
        );
      })}
    </ul>
  );
}

function bodyText(inside: NonNullable<RestartPreview["inside"]>[number]): string {
  const count = inside.bodies_kept;
  const index = inside.branch_or_iteration_n;
  if (index == null) return count ? t("runs.continuesReused", { count }) : t("runs.continues");
  const number = index + 1;
  return count ? t("runs.continuesReusedAt", { count, number }) : t("runs.continuesAt", { number });
}
