import { type JobError, lineOf } from "../lib/error-line";
import { tWith } from "../texts/t";
import css from "./error-text.module.css";

/** Error of a run or a job: its name, line, message and traceback. */
export function ErrorText({ error, label }: { error: JobError; label: string }) {
  const line = lineOf(error);
  return (
    <section className={css.error} aria-label={label} data-error={error.name}>
      <p>
        {line === null ? (
          <strong>{error.name}</strong>
        ) : (
          tWith("ui.errorAtLine", { error: <strong key="error">{error.name}</strong> }, { line })
        )}
      </p>
      <p className={css.message}>{error.message}</p>
      {error.stack && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long traceback is scrolled by keyboard
        <pre className={css.stack} tabIndex={0}>
          {error.stack}
        </pre>
      )}
    </section>
  );
}
