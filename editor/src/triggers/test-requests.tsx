import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { attempt } from "../actions/registry";
import {
  type Capture,
  type CaptureKind,
  capturesQuery,
  captureUrl,
  PING_MS,
  pingListening,
  startListening,
} from "../api/captures";
import { useServerUrl } from "../api/server-url";
import { useEditor, useEditorStore } from "../editor/context";
import { t } from "../texts/triggers";
import { Button } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import panel from "../ui/panel.module.css";
import { Time } from "../ui/time";
import type { Tree } from "../workflow/types";
import { curl } from "./curl";
import css from "./triggers.module.css";

interface Props {
  kind: CaptureKind;
  /** Token in the command; empty: a placeholder. */
  token: string;
  body: unknown;
}

/** Requests that are captured instead of starting runs while the member listens; each can become the test input. */
export function TestRequests({ kind, token, body }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const [listening, setListening] = useState(false);
  const captures = useQuery(capturesQuery(workspace, path, kind, listening)).data ?? [];
  useEffect(() => {
    if (!listening) return;
    const timer = setInterval(
      () => void pingListening(workspace, path, kind).catch(() => setListening(false)),
      PING_MS,
    );
    return () => clearInterval(timer);
  }, [listening, workspace, path, kind]);
  const url = captureUrl(useServerUrl(workspace), workspace, path, kind);
  const start = () => attempt(async () => startListening(workspace, path, kind).then(() => setListening(true)));
  return (
    <>
      <div className={css.row}>
        <p className={css.help}>{t(listening ? "triggers.listening" : "triggers.listenHint")}</p>
        <Button icon={listening ? "stop" : "play"} onClick={listening ? () => setListening(false) : start}>
          {t(listening ? "triggers.stopListening" : "triggers.listen")}
        </Button>
      </div>
      {listening && (
        <>
          <CopyableCommand label={t("triggers.testUrl")} text={url} />
          <CopyableCommand label={t("triggers.testCurl")} text={curl(url, { token, body })} />
        </>
      )}
      {captures.length > 0 && (
        <ul className={css.list} aria-label={t("triggers.testRequests")}>
          {captures.map((each) => (
            <TestRequest key={each.id} capture={each} />
          ))}
        </ul>
      )}
    </>
  );
}

function TestRequest({ capture }: { capture: Capture }) {
  const store = useEditorStore();
  const args = capture.main_args as Tree;
  return (
    <li className={css.item}>
      <div className={css.heading}>
        <Time at={capture.created_at} />
        <Button onClick={() => store.setState({ args, panel: "test" })}>{t("triggers.useAsInput")}</Button>
      </div>
      <pre className={panel.value}>{JSON.stringify(args, null, 2)}</pre>
    </li>
  );
}
