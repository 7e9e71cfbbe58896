import { type ComponentType, type ReactNode, useEffect, useState } from "react";

interface Module<Props> {
  default: ComponentType<Props>;
}

/** A loaded component, or the error of loading it. Null while it is loaded. */
type Loading<Props> = { component: ComponentType<Props> } | { error: unknown } | null;

/**
 * Return a component that is loaded when it is first shown. Meanwhile it shows `fallback`. If it cannot be loaded, rendering
 * it throws the error.
 *
 * It replaces `lazy` and `Suspense`: those of Preact move the whole suspended part out of the document and back,
 * and can leave it empty if the page changes meanwhile.
 */
export function lazyComponent<Props extends object>(
  load: () => Promise<Module<Props>>,
  fallback: ReactNode | ((props: Props) => ReactNode) = null,
): ComponentType<Props> {
  let loaded: Loading<Props> = null;

  async function fetchOnce(): Promise<Loading<Props>> {
    try {
      loaded ??= { component: (await load()).default };
      return loaded;
    } catch (error) {
      return { error };
    }
  }

  // biome-ignore lint/correctness/noComponentHookFactories: called by modules, not while rendering
  return function LazyComponent(props: Props) {
    const [loading, setLoading] = useState(loaded);
    useEffect(() => {
      let shown = true;
      void fetchOnce().then((next) => shown && setLoading(next));
      return () => {
        shown = false;
      };
    }, []);
    if (!loading) return typeof fallback === "function" ? fallback(props) : fallback;
    if ("error" in loading) throw loading.error;
    return <loading.component {...props} />;
  };
}
