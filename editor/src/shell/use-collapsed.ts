import { useState } from "react";
import { useMedia } from "../lib/use-media";
import { useLocation } from "../routing/hooks";
import { matchPath } from "../routing/match";

/** Windows in which the rail is collapsed until the user expands it. */
const NARROW = "(max-width: 1100px)";

/** Return whether the address is that of a workflow's page, which has a palette and shortcuts of its own. */
export function useIsEditor(): boolean {
  const path = matchPath("/w/:workspace/workflows/*", useLocation().pathname)?.["*"];
  return path !== undefined && path !== "";
}

/**
 * Return whether the rail shows icons only, and a function that changes it.
 *
 * The browser remembers the choice: one for the pages of workflows, whose graph needs the width, one for all others.
 */
export function useCollapsed(): [boolean, () => void] {
  const isEditor = useIsEditor();
  const isNarrow = useMedia(NARROW);
  const [, setChanges] = useState(0);
  const key = isEditor ? "orvanta.rail.editor" : "orvanta.rail";
  const stored = localStorage.getItem(key);
  const collapsed = stored === null ? isEditor || isNarrow : stored === "collapsed";
  const toggle = () => {
    localStorage.setItem(key, collapsed ? "expanded" : "collapsed");
    setChanges((count) => count + 1);
  };
  return [collapsed, toggle];
}
