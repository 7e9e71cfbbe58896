import { type Branch, branchesOf, type Layer, matchPath, type Params, type Route } from "./match";

/** An address without its origin. */
export interface Place {
  pathname: string;
  search: string;
  hash: string;
}

/** An address (path, query and hash), or a query alone, which keeps the path. */
export type To = string | { search: string };

/** An address with its layers and parameters. `error`: a layer could not be loaded. */
export interface View {
  place: Place;
  params: Params;
  layers: readonly Layer[];
  error: unknown;
}

export interface Router {
  view(): View;
  /** Resolves when the components of the first page are loaded, with the data that their routes wait for. */
  opened: Promise<unknown>;
  /** Call `listener` with every new view. Return a function that removes it. */
  subscribe(listener: (view: View) => void): () => void;
  /**
   * Show another address. The present page stays until the components of the next one are loaded; of two calls the
   * later one wins. `replace`: overwrite the entry of the history.
   */
  navigate(to: To, options?: { replace?: boolean }): Promise<void>;
  /** Ask `mayLeave` before the page is left for another path. Return a function that removes it. */
  guard(mayLeave: () => boolean | Promise<boolean>): () => void;
}

/** Return an address as it is written in links. */
export function hrefOf(to: To): string {
  return addressOf(resolve(to));
}

const addressOf = ({ pathname, search, hash }: Place): string => pathname + search + hash;

/** Return the place of an address relative to the present one. */
export function resolve(to: To): Place {
  const { location } = window;
  // An empty address would keep the parameters.
  if (typeof to !== "string") return { ...resolve(to.search || "?"), hash: "" };
  const { pathname, search, hash } = new URL(to, location.href);
  // A path that begins with two slashes would be read as the name of a host.
  return { pathname: pathname.replace(/^\/{2,}/, "/"), search, hash };
}

/** Create the router of the window. The first branch that matches is shown. */
export function createRouter(routes: readonly Route[]): Router {
  const branches = branchesOf(routes);
  const listeners = new Set<(view: View) => void>();
  let shown = viewAt(branches, resolve(window.location.href));
  const prefetched = shown.layers.map((layer) => layer.prefetch?.(shown.params));
  const guards = new Set<() => boolean | Promise<boolean>>();
  let turn = 0;

  const isGuarded = ({ pathname }: Place) => guards.size > 0 && pathname !== shown.place.pathname;

  async function mayLeavePage(): Promise<boolean> {
    for (const mayLeave of guards) if (!(await mayLeave())) return false;
    return true;
  }

  function publish(view: View): void {
    shown = view;
    for (const listener of listeners) listener(view);
  }

  async function show(place: Place, enter: () => void): Promise<void> {
    turn += 1;
    const mine = turn;
    const next = viewAt(branches, place);
    const error = isLoaded(next) ? null : await loadLayers(next);
    if (mine !== turn) return;
    enter();
    publish({ ...next, error });
  }

  /** Show an address to which the browser has changed already. */
  async function returnTo(place: Place): Promise<void> {
    if (isGuarded(place) && !(await mayLeavePage())) window.history.pushState(null, "", addressOf(shown.place));
    else await show(place, () => {});
  }

  window.addEventListener("popstate", () => {
    const place = resolve(window.location.href);
    void returnTo(place);
  });
  // The frame of the first page is shown while its content is loaded.
  const loaded = isLoaded(shown) ? null : show(shown.place, () => {});

  return {
    view: () => shown,
    opened: Promise.allSettled([loaded, ...prefetched]),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async navigate(to, { replace = false } = {}) {
      const place = resolve(to);
      const href = hrefOf(to);
      if (isGuarded(place) && !(await mayLeavePage())) return;
      await show(place, () => window.history[replace ? "replaceState" : "pushState"](null, "", href));
    },
    guard(mayLeave) {
      guards.add(mayLeave);
      return () => guards.delete(mayLeave);
    },
  };
}

function viewAt(branches: readonly Branch[], place: Place): View {
  for (const { pattern, layers } of branches) {
    const params = matchPath(pattern, place.pathname);
    if (params) return { place, params, layers, error: null };
  }
  return { place, params: {}, layers: [], error: null };
}

const isLoaded = (view: View) => view.layers.every((layer) => layer.component);

/** Load the components of a view. Return the error if that fails, otherwise null. */
async function loadLayers(view: View): Promise<unknown> {
  try {
    await Promise.all(
      view.layers.map(async (layer) => {
        layer.component ??= (await layer.load?.()) ?? null;
      }),
    );
    return null;
  } catch (error) {
    return error;
  }
}
