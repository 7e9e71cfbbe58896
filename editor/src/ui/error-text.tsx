import { type JobError, lineOf } from "../lib/error-line";
import { t, tWith } from "../texts/t";
import css from "./error-text.module.css";

/** Error of a run or a job: its name, line, message and traceback. */
export function ErrorText({ error, label }: { error: JobError; label: string }) {
  const line = lineOf(error);
  return (
    <section className={css.error} aria-label={label} data-error={error.name}>
      <p className={css.name}>
        {line === null ? (
          <strong>{error.name}</strong>
        ) : (
          tWith("ui.errorAtLine", { error: <strong key="error">{error.name}</strong> }, { line })
        )}
      </p>
      <p className={css.message}>{error.message}</p>
      <Traceback stack={error.stack} />
    </section>
  );
}

/** Traceback of an error, initially expanded; nothing if it has none. */
export function Traceback({ stack }: { stack: string }) {
  if (!stack) return null;
  return (
    <details className={css.traceback} open>
      <summary>{t("ui.traceback")}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long traceback is scrolled by keyboard */}
      <pre className={css.stack} tabIndex={0}>
        {stack}
      </pre>
    </details>
  );
}
