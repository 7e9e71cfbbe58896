import { attempt } from "../actions/registry";
import { cancelRun } from "../api/runs";
import css from "../inspector/inspector.module.css";
import { useSignature } from "../inspector/signature";
import { errorOfResult } from "../lib/error-line";
import { duration } from "../lib/time";
import { InputForm } from "../runs/input-form";
import { Status } from "../runs/status";
import runs from "../runs/status.module.css";
import { Button } from "../ui/controls";
import { ErrorText } from "../ui/error-text";
import type { Json } from "../workflow/types";
import { isTrying, type Trial, tryOut, useScript, useScriptStore } from "./editing";

const LONGEST = 100_000;

/** Runs what is on the page with a form made from its signature; the log as it is written, then the result. */
export function TrialPanel() {
  const store = useScriptStore();
  const { workspace } = store.getState();
  const language = useScript((editor) => editor.language);
  const content = useScript((editor) => editor.content);
  const trial = useScript((editor) => editor.trial);
  const signature = useSignature(workspace, language, content);
  const schema = (signature.data?.schema ?? undefined) as Json | undefined;
  const fault = signature.data?.fault;
  return (
    <section className={css.pane} aria-label="Test of the script">
      {fault && (
        <p className={css.faultOf} role="alert">
          Line {fault.line}: {fault.message}
        </p>
      )}
      <InputForm
        schema={schema}
        busy={isTrying(trial)}
        none="It takes no inputs: its `main` has no parameters that can be read."
        run={(args) => attempt(() => tryOut(store, args))}
      />
      {trial && <Outcome trial={trial} />}
    </section>
  );
}

function Outcome({ trial }: { trial: Trial }) {
  const { workspace } = useScriptStore().getState();
  const error = trial.status === "failed" ? errorOfResult(trial.result) : null;
  return (
    <section className={css.section} aria-label="The test">
      <div className={css.head}>
        <Status status={trial.status} />
        {trial.took !== null && <span className={runs.took}>{duration(trial.took)}</span>}
        {isTrying(trial) && (
          <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, trial.id))}>
            Stop
          </Button>
        )}
      </div>
      {!trial.heard && <p className={css.help}>The server is not heard; it is tried again.</p>}
      {error && <ErrorText error={error} label="Error" />}
      {trial.result !== undefined && !error && (
        <div>
          <h3>Result</h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard */}
          <pre className={css.value} tabIndex={0} data-result="Result">
            {JSON.stringify(trial.result, null, 2).slice(0, LONGEST)}
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
