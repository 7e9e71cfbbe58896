import { useEffect, useRef } from "react";

/**
 * Return the ref of an element that is scrolled into view whenever `result` changes, or of which the first element that
 * matches `selector` is.
 */
export function useScrolledIntoView<T extends Element>(result: unknown, selector?: string) {
  const ref = useRef<T>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new result scrolls, not another selector
  useEffect(() => {
    const shown = selector ? ref.current?.querySelector(selector) : ref.current;
    if (result) shown?.scrollIntoView({ block: "nearest" });
  }, [result]);
  return ref;
}
