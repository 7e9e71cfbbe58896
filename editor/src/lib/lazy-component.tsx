import { type ComponentType, type ReactNode, useEffect, useState } from "react";
import { t } from "../texts/t";

interface Module<Props> {
  default: ComponentType<Props>;
}

/** A loaded component, or "failed" if it cannot be loaded. Null while it is loaded. */
type Loading<Props> = { component: ComponentType<Props> } | "failed" | null;

/**
 * Return a component that is loaded when it is first shown. Meanwhile it shows `fallback`. If it cannot be loaded, a
 * notice in its place offers to load the page again: browsers remember a failed import, and the rest of the page keeps what
 * was edited.
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
    } catch {
      return "failed";
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
    if (loading === "failed") return <NotLoaded />;
    return <loading.component {...props} />;
  };
}

function NotLoaded() {
  return (
    <p role="alert">
      {t("lib.partNotLoaded")} <a href={window.location.href}>{t("lib.reloadPage")}</a>
    </p>
  );
}
