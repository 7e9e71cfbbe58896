import { create } from "zustand";

/** State of the connection to the server. */
export const useConnection = create<{ reached: boolean }>(() => ({ reached: true }));

/** Status codes of a proxy whose server does not respond. */
const AWAY = new Set([502, 503, 504]);

export function reportResponse(status: number): void {
  const reached = status > 0 && !AWAY.has(status);
  if (useConnection.getState().reached !== reached) useConnection.setState({ reached });
}
