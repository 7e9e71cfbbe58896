import { attempt } from "../actions/registry";
import { cancelRun } from "../api/runs";
import { useSignature } from "../code/use-signature";
import { InputForm } from "../forms/input-form";
import { errorOfResult } from "../lib/error-line";
import { duration } from "../lib/time";
import { Button } from "../ui/controls";
import { ErrorText } from "../ui/error-text";
import css from "../ui/panel.module.css";
import { Status } from "../ui/status";
import runs from "../ui/status.module.css";
import type { Json } from "../workflow/types";
import { isTestRunning, runTest, type TestRun, useScript, useScriptStore } from "./store";

const MAX_LENGTH = 100_000;

/** Runs what is on the page with a form made from its signature; the log as it is written, then the result. */
export function TestPanel() {
  const store = useScriptStore();
  const { workspace } = store.getState();
  const language = useScript((editor) => editor.language);
  const content = useScript((editor) => editor.content);
  const trial = useScript((editor) => editor.testRun);
  const signature = useSignature(workspace, language, content);
  const schema = (signature.data?.schema ?? undefined) as Json | undefined;
  const fault = signature.data?.fault;
  return (
    <section className={css.pane} aria-label="Test of the script">
      {fault && (
        <p className={css.problem} role="alert">
          Line {fault.line}: {fault.message}
        </p>
      )}
      <InputForm
        schema={schema}
        busy={isTestRunning(trial)}
        noInputsText="It takes no inputs: its `main` has no parameters that can be read."
        run={(args) => attempt(() => runTest(store, args))}
      />
      {trial && <TestOutcome trial={trial} />}
    </section>
  );
}

function TestOutcome({ trial }: { trial: TestRun }) {
  const { workspace } = useScriptStore().getState();
  const error = trial.status === "failed" ? errorOfResult(trial.result) : null;
  return (
    <section className={css.section} aria-label="The test">
      <div className={css.head}>
        <Status status={trial.status} />
        {trial.duration !== null && <span className={runs.duration}>{duration(trial.duration)}</span>}
        {isTestRunning(trial) && (
          <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, trial.id))}>
            Stop
          </Button>
        )}
      </div>
      {!trial.connected && <p className={css.help}>The server is not heard; it is tried again.</p>}
      {error && <ErrorText error={error} label="Error" />}
      {trial.result !== undefined && !error && (
        <div>
          <h3>Result</h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard */}
          <pre className={css.value} tabIndex={0} data-result="Result">
            {JSON.stringify(trial.result, null, 2).slice(0, MAX_LENGTH)}
          </pre>
        </div>
      )}
      {trial.log && (
        <div>
          <h3>Log</h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard */}
          <pre className={css.value} tabIndex={0} data-log="">
            {trial.log}
          </pre>
        </div>
      )}
    </section>
  );
}
