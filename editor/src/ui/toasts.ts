import { create } from "zustand";
import { errorText } from "../lib/api-error";

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
export const notifyError = (error: unknown): void => show("bad", errorText(error));
