import { create } from "zustand";
import { ApiError, errorText } from "../lib/api-error";

interface Toast {
  id: number;
  kind: "good" | "bad";
  text: string;
}

const DURATION_MS = 6000;
let last = 0;

export const useToasts = create<{ toasts: Toast[] }>(() => ({ toasts: [] }));

function show(kind: Toast["kind"], text: string): void {
  const id = ++last;
  useToasts.setState(({ toasts }) => ({ toasts: [...toasts.slice(-3), { id, kind, text }] }));
  setTimeout(
    () => useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((each) => each.id !== id) })),
    DURATION_MS,
  );
}

export const notify = (text: string): void => show("good", text);
export const notifyWarning = (text: string): void => show("bad", text);

/** Show the error of a request. That of an ended session is the login dialog. */
export const notifyError = (error: unknown): void => {
  if (!(error instanceof ApiError && error.status === 401)) show("bad", errorText(error));
};
