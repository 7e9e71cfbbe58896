import { type RefObject, useEffect, useRef } from "react";
import { chord } from "../actions/keymap";
import { attempt } from "../actions/registry";
import { cancelRun } from "../api/runs";
import { useSignature } from "../code/use-signature";
import { InputForm } from "../forms/input-form";
import { errorOfFailed } from "../lib/error-line";
import { duration } from "../lib/time";
import { t } from "../texts/scripts";
import { Button } from "../ui/controls";
import { ErrorText } from "../ui/error-text";
import css from "../ui/panel.module.css";
import { Status } from "../ui/status";
import runs from "../ui/status.module.css";
import type { Json } from "../workflow/types";
import { isTestRunning, runTest, type TestRun, useScript, useScriptStore } from "./store";

const MAX_LENGTH = 100_000;

/** Panel that runs the script on the page with a form of its signature, and shows log and result. */
export function TestPanel() {
  const store = useScriptStore();
  const { workspace } = store.getState();
  const language = useScript((editor) => editor.language);
  const content = useScript((editor) => editor.content);
  const trial = useScript((editor) => editor.testRun);
  const signature = useSignature(workspace, language, content);
  const schema = (signature.data?.schema ?? undefined) as Json | undefined;
  const fault = signature.data?.fault;
  const panel = useRef<HTMLElement>(null);
  useTestKey(panel);
  return (
    <section ref={panel} className={css.pane} aria-label={t("scripts.test")}>
      {fault && (
        <p className={css.problem} role="alert">
          {t("scripts.lineError", { line: fault.line, message: fault.message })}
        </p>
      )}
      <InputForm
        schema={schema}
        busy={isTestRunning(trial)}
        noInputsText={signature.isLoading ? t("ui.loading") : t("scripts.noInputs")}
        run={(args) => runTest(store, args)}
      />
      {trial && <TestOutcome trial={trial} />}
    </section>
  );
}

/** Run the test with Mod-Enter, also from the code. */
function useTestKey(panel: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (chord(event) !== "Mod-Enter" || event.defaultPrevented) return;
      if (event.target instanceof Element && event.target.closest("[role=dialog]")) return;
      event.preventDefault();
      // A click, because the button is disabled while a test runs and for members who may not run it.
      panel.current?.querySelector<HTMLElement>("[type=submit]")?.click();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [panel]);
}

function TestOutcome({ trial }: { trial: TestRun }) {
  const { workspace } = useScriptStore().getState();
  const error = trial.status === "failed" ? errorOfFailed(trial.result) : null;
  return (
    <section className={css.section} aria-label={t("scripts.testRun")}>
      <div className={css.head}>
        <Status status={trial.status} />
        {trial.duration !== null && <span className={runs.duration}>{duration(trial.duration)}</span>}
        {isTestRunning(trial) && (
          <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, trial.id))}>
            {t("scripts.stop")}
          </Button>
        )}
      </div>
      {!trial.connected && <p className={css.help}>{t("scripts.connectionLost")}</p>}
      {error && <ErrorText error={error} label={t("ui.error")} />}
      {trial.result !== undefined && !error && (
        <div>
          <h3>{t("scripts.result")}</h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard */}
          <pre className={css.value} tabIndex={0} data-result="Result">
            {JSON.stringify(trial.result, null, 2).slice(0, MAX_LENGTH)}
          </pre>
        </div>
      )}
      {trial.log && (
        <div>
          <h3>{t("ui.logs")}</h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard */}
          <pre className={css.value} tabIndex={0} data-log="">
            {trial.log}
          </pre>
        </div>
      )}
    </section>
  );
}
