import { type JobError, lineOf } from "../lib/error-line";
import css from "./error-text.module.css";

/** The error of a run or a job: its message, and the traceback with its lines. */
export function ErrorText({ error, label }: { error: JobError; label: string }) {
  const line = lineOf(error);
  return (
    <section className={css.error} aria-label={label} data-error={error.name}>
      <p>
        <strong>{error.name}</strong>
        {line !== null && `, line ${line}`}
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
