import { useEffect, useState } from "react";

const TICK_MS = 500;

/** Return the current time, updated until `over`. */
export function useNow(over: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [over]);
  return now;
}
