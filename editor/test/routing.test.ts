import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { branchesOf, matchPath } from "../src/routing/match";
import { createRouter, hrefOf } from "../src/routing/router";

const Page = () => null;
const Other = () => null;
const ORIGIN = "http://orvanta.test";

/** Set the window that the router reads: its address, its history as a list of addresses, its listeners. */
function setWindow(href: string): { entries: string[]; goTo: (href: string) => void } {
  const location = { href: "", pathname: "", search: "" };
  const entries = [href];
  const listeners: (() => void)[] = [];
  const open = (to: string) => {
    const { pathname, search } = new URL(to, ORIGIN);
    Object.assign(location, { href: ORIGIN + to, pathname, search });
  };
  open(href);
  const enter = (keep: number) => (_: unknown, __: string, to: string) => {
    entries.splice(entries.length - keep, keep, to);
    open(to);
  };
  const history = { pushState: enter(0), replaceState: enter(1) };
  vi.stubGlobal("window", {
    location,
    history,
    addEventListener: (_: string, listener: () => void) => listeners.push(listener),
  });
  return {
    entries,
    goTo: (to) => {
      open(to);
      for (const listener of listeners) listener();
    },
  };
}

beforeEach(() => void setWindow("/"));
afterEach(() => vi.unstubAllGlobals());

test("a path matches a pattern with parameters and a rest", () => {
  expect(matchPath("w/:workspace", "/w/main/")).toEqual({ workspace: "main" });
  expect(matchPath("w/:workspace", "/w/main/runs")).toBeNull();
  expect(matchPath("w/:workspace/scripts/*", "/w/main/scripts/f/a%20b/c")).toEqual({
    workspace: "main",
    "*": "f/a b/c",
  });
  expect(matchPath("w/:workspace/scripts/*", "/w/main/scripts")).toEqual({ workspace: "main", "*": "" });
  expect(matchPath("w/:workspace/scripts/*", "/w/main/runs/1")).toBeNull();
  expect(matchPath("x/:name", "/x/100%")).toEqual({ name: "100%" });
});

test("branches have the paths and layers of their parents", () => {
  const branches = branchesOf([
    { component: Page, children: [{ component: Other }, { path: "a", children: [{ path: ":id", component: Other }] }] },
  ]);
  expect(branches.map(({ pattern, layers }) => [pattern, layers.map((layer) => layer.component)])).toEqual([
    ["", [Page, Other]],
    ["a/:id", [Page, Other]],
  ]);
});

test("an address without a path keeps that of the page", () => {
  setWindow("/w/main/schedules?view=calendar");
  expect(hrefOf({ search: "" })).toBe("/w/main/schedules");
  expect(hrefOf({ search: "?q=a" })).toBe("/w/main/schedules?q=a");
  expect(hrefOf("/w/main/runs?state=failed#top")).toBe("/w/main/runs?state=failed#top");
  // No address leads to another host.
  expect(hrefOf("//evil.test/runs")).toBe("/runs");
  expect(hrefOf("/x/..//evil.test")).toBe("/evil.test");
});

test("the page stays until the next one is loaded, and the later of two addresses is shown", async () => {
  const { entries, goTo } = setWindow("/");
  let finish = (_: typeof Page) => {};
  const slow = new Promise<typeof Page>((resolve) => {
    finish = resolve;
  });
  const load = vi.fn(async () => Other);
  const router = createRouter([
    { component: Page },
    { path: "slow", load: () => slow },
    { path: "other", load },
    { path: "*", component: Page },
  ]);
  const first = router.navigate("/slow");
  expect([router.view().place.pathname, entries]).toEqual(["/", ["/"]]);
  await router.navigate("/other?a=1");
  finish(Page);
  await first;
  expect([router.view().layers[0]?.component, router.view().place.search]).toEqual([Other, "?a=1"]);
  expect(entries).toEqual(["/", "/other?a=1"]);
  // A loaded page is shown at once.
  void router.navigate({ search: "?a=2" }, { replace: true });
  expect(entries).toEqual(["/", "/other?a=2"]);
  goTo("/nowhere");
  expect(router.view().params).toEqual({ "*": "nowhere" });
  expect(load).toHaveBeenCalledTimes(1);
});

test("the data of the opened page are requested before its components are loaded, and not at other addresses", async () => {
  setWindow("/w/main/runs/7");
  const prefetch = vi.fn();
  const frame = vi.fn();
  const load = () => new Promise<typeof Page>(() => {});
  const router = createRouter([
    { component: Page, prefetch: frame, children: [{ path: "w/:workspace/runs/:id", load, prefetch }] },
    { path: "other", component: Other, prefetch },
  ]);
  expect(prefetch.mock.calls).toEqual([[{ workspace: "main", id: "7" }]]);
  expect(frame).toHaveBeenCalledTimes(1);
  await router.navigate("/other");
  expect(prefetch).toHaveBeenCalledTimes(1);
});

test("a page has opened when its components are loaded, with the data that it waits for", async () => {
  setWindow("/w/main/runs/7");
  const finish: Record<string, (_?: unknown) => void> = {};
  const pending = (name: string) =>
    new Promise<unknown>((resolve) => {
      finish[name] = resolve;
    });
  const load = () => pending("component").then(() => Page);
  const prefetch = () => pending("data");
  const router = createRouter([{ path: "w/:workspace/runs/:id", load, prefetch }]);
  let opened = false;
  void router.opened.then(() => {
    opened = true;
  });
  finish.component?.();
  await vi.waitFor(() => expect(router.view().layers[0]?.component).toBe(Page));
  expect(opened).toBe(false);
  finish.data?.();
  await vi.waitFor(() => expect(opened).toBe(true));
});

test("a page whose components or data cannot be loaded has opened", async () => {
  setWindow("/gone");
  const fail = () => Promise.reject(new Error("gone"));
  await createRouter([{ path: "gone", load: fail, prefetch: fail }]).opened;
});

test("a page that cannot be loaded is an error at its address, until the next address", async () => {
  const { entries } = setWindow("/");
  const router = createRouter([{ component: Page }, { path: "gone", load: () => Promise.reject(new Error("gone")) }]);
  const seen: unknown[] = [];
  router.subscribe((view) => seen.push(view.error));
  await router.navigate("/gone");
  await router.navigate("/");
  expect(seen).toEqual([new Error("gone"), null]);
  expect(entries).toEqual(["/", "/gone", "/"]);
});

test("a page that may not be left stays, also when the browser goes back", async () => {
  const { entries, goTo } = setWindow("/a?tab=code");
  const router = createRouter([{ path: "*", component: Page }]);
  let mayLeave: boolean | Promise<boolean> = false;
  const unguard = router.guard(() => mayLeave);
  await router.navigate("/b");
  expect(router.view().place.pathname).toBe("/a");
  await router.navigate({ search: "?tab=test" });
  goTo("/c");
  await vi.waitFor(() => expect(entries).toEqual(["/a?tab=code", "/a?tab=test", "/a?tab=test"]));
  expect(router.view().place.pathname).toBe("/a");
  mayLeave = Promise.resolve(false);
  await router.navigate("/b");
  expect(router.view().place.pathname).toBe("/a");
  mayLeave = Promise.resolve(true);
  await router.navigate("/b");
  expect(router.view().place.pathname).toBe("/b");
  mayLeave = false;
  unguard();
  await router.navigate("/d");
  expect(router.view().place.pathname).toBe("/d");
});
