import type { ComponentType } from "react";

/** A route of the page. Its component shows those of its children with Outlet. */
export interface Route {
  /** Path below that of the parent: `:name` is a parameter, a final `*` the rest. Without it: the path of the parent. */
  path?: string;
  component?: ComponentType;
  /** Load the component when the route is first shown. */
  load?: () => Promise<ComponentType>;
  /**
   * Request the data of the component. Called if the window is opened at the route, while components are loaded. A
   * returned promise is part of `Router.opened`.
   */
  prefetch?: (params: Params) => unknown;
  children?: readonly Route[];
}

/** Parameters of an address, decoded. The rest of a path is `*`. */
export type Params = Readonly<Partial<Record<string, string>>>;

/** A route whose component is set once it is loaded. */
export interface Layer extends Pick<Route, "load" | "prefetch"> {
  component: ComponentType | null;
}

/** A whole path and the layers that are shown at it, from the outermost. */
export interface Branch {
  pattern: string;
  layers: readonly Layer[];
}

/** Return the branches of a tree of routes, in its order. */
export function branchesOf(routes: readonly Route[], parent: Branch = { pattern: "", layers: [] }): Branch[] {
  return routes.flatMap((route) => {
    const pattern = [parent.pattern, route.path].filter(Boolean).join("/");
    const layers = [...parent.layers];
    if (route.component || route.load) layers.push({ ...route, component: route.component ?? null });
    return route.children ? branchesOf(route.children, { pattern, layers }) : [{ pattern, layers }];
  });
}

/** Return the parameters of a path that matches a pattern, otherwise null. */
export function matchPath(pattern: string, pathname: string): Params | null {
  const parts = pattern.split("/").filter(Boolean);
  const given = pathname.split("/").filter(Boolean);
  const params: Record<string, string> = {};
  const hasRest = parts.at(-1) === "*";
  if (hasRest) {
    parts.pop();
    params["*"] = given.slice(parts.length).map(decode).join("/");
  }
  if (hasRest ? given.length < parts.length : given.length !== parts.length) return null;
  for (const [index, part] of parts.entries()) {
    const text = given[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = decode(text);
    else if (part !== text) return null;
  }
  return params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
