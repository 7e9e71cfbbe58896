import type { ReactNode } from "react";
import { ApiError, errorText } from "../lib/api-error";
import { t } from "../texts/t";
import { Button } from "./controls";
import { Icon } from "./icon";
import css from "./states.module.css";
import { useToasts } from "./toasts";
import { withCode } from "./with-code";

const WIDTHS = ["70%", "45%", "60%", "52%", "66%", "40%"];

/** Placeholder of rows that load. */
export function Skeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div className={css.rows} role="status" aria-label={t("ui.loading")}>
      {WIDTHS.slice(0, rows).map((width) => (
        <div key={width} className={css.skeleton} style={{ width }} />
      ))}
    </div>
  );
}

/** Placeholder of a text of this many lines that loads. */
export function CodeSkeleton({ lines }: { lines: number }) {
  return (
    <div className={css.code} style={{ minHeight: `${lines * 1.25}rem` }} role="status" aria-label={t("ui.loading")}>
      {WIDTHS.slice(0, Math.floor(lines)).map((width) => (
        <div key={width} className={css.skeleton} style={{ width }} />
      ))}
    </div>
  );
}

/** Empty state: a title and the next step. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.state}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Error of a request, with the message of the server and a button to retry. That of an ended session is the login dialog. */
export function Failed({ error, retry, children }: { error: unknown; retry?: () => void; children?: ReactNode }) {
  if (error instanceof ApiError && error.status === 401) return null;
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <div className={css.state} role="alert">
      <Icon name="warn" size={24} />
      <h2>{missing ? t("ui.notFound") : t("ui.failed")}</h2>
      <p>{missing ? t("ui.notFoundHint") : withCode(errorText(error))}</p>
      {retry && !missing && <Button onClick={retry}>{t("ui.retry")}</Button>}
      {children}
    </div>
  );
}

export function Toasts() {
  const { toasts } = useToasts();
  return (
    <div className={css.toasts} role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={css.toast} data-kind={toast.kind}>
          <Icon name={toast.kind === "bad" ? "warn" : "check"} />
          <span>{withCode(toast.text)}</span>
        </div>
      ))}
    </div>
  );
}
