import type { ReactNode } from "react";
import { ApiError, errorText } from "../api/client";
import { Button } from "./controls";
import { Icon } from "./icon";
import css from "./states.module.css";
import { useToasts } from "./toasts";

const WIDTHS = ["70%", "45%", "60%", "52%", "66%", "40%"];

/** What stands where rows will. */
export function Skeleton({ rows = 4 }: { rows?: number }) {
  return (
    <div className={css.rows} role="status" aria-label="Loading">
      {WIDTHS.slice(0, rows).map((width) => (
        <div key={width} className={css.skeleton} style={{ width }} />
      ))}
    </div>
  );
}

/** Nothing is here, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.state}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Something went wrong, in the server's words, with a way on. */
export function Failed({ error, retry, children }: { error: unknown; retry?: () => void; children?: ReactNode }) {
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <div className={css.state} role="alert">
      <Icon name="warn" size={24} />
      <h2>{missing ? "This is not here" : "That did not work"}</h2>
      <p>{missing ? "It may have been deleted or moved, or you may not see it." : errorText(error)}</p>
      {retry && !missing && <Button onClick={retry}>Try again</Button>}
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
          <span>{toast.text}</span>
        </div>
      ))}
    </div>
  );
}
