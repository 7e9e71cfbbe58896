import { create } from "zustand";

/** Whether the server answers. */
export const useReach = create<{ reached: boolean }>(() => ({ reached: true }));

/** Answers of what stands before a server that is away. */
const AWAY = new Set([502, 503, 504]);

export function heardOf(status: number): void {
  const reached = status > 0 && !AWAY.has(status);
  if (useReach.getState().reached !== reached) useReach.setState({ reached });
}
