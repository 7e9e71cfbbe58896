import { create } from "zustand";

/** Whether the server answers. */
export const useConnection = create<{ reached: boolean }>(() => ({ reached: true }));

/** Answers of what stands before a server that is away. */
const AWAY = new Set([502, 503, 504]);

export function reportResponse(status: number): void {
  const reached = status > 0 && !AWAY.has(status);
  if (useConnection.getState().reached !== reached) useConnection.setState({ reached });
}
