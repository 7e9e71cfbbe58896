import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type MouseEvent, useEffect, useMemo, useState } from "react";
import { api, onSessionLost } from "../api/client";
import { useConnection } from "../api/connection";
import { ownMemberQuery } from "../api/members";
import { loginOptionsQuery, meQuery } from "../api/session";
import { workspaceSettingsQuery } from "../api/workspaces";
import { ApiError } from "../lib/api-error";
import { lastWorkspace, rememberWorkspace } from "../lib/last-workspace";
import { lazyComponent } from "../lib/lazy-component";
import { useMedia } from "../lib/use-media";
import { useLocation, useParams } from "../routing/hooks";
import { Navigate } from "../routing/link";
import { Outlet } from "../routing/provider";
import { t } from "../texts/t";
import { type Access, AccessContext } from "../ui/access";
import { Failed, Skeleton } from "../ui/states";
import { TypedAhead } from "../ui/typed-ahead";
import { WorkspaceNotFound } from "./not-found";
import { type NavigationProps, Rail } from "./rail";
import css from "./shell.module.css";
import { type PageDialog, useDialogKeys } from "./use-dialog-keys";

const CONTENT = "content";
/** Windows without room for a rail beside the page. */
const PHONE = "(max-width: 760px)";
const PhoneBar = lazyComponent(
  async () => ({ default: (await import("./phone-bar")).PhoneBar }),
  <header className={css.phoneBar} />,
);
const Palette = lazyComponent(() => import("./palette"), <TypedAhead />);
const Shortcuts = lazyComponent(() => import("./shortcuts"));
const ImpersonationBanner = lazyComponent(() => import("./impersonation"));
const ArchivedBanner = lazyComponent(() => import("./archived"));
const LoginDialog = lazyComponent(() => import("./login-dialog"));

/** Frame of every page with the navigation. Users without a session are sent to the login page; after its end they can log in in place. */
export function Shell() {
  const me = useQuery(meQuery);
  const { pathname, search } = useLocation();
  const { workspace: requested } = useParams();
  const { exists, archived } = useWorkspaceState(requested);
  const releasesOnly = me.data?.workspaces.find((each) => each.id === requested)?.releases_only ?? false;
  const access = useAccessOf(exists ? requested : undefined, archived, releasesOnly);
  const branding = useQuery(loginOptionsQuery).data?.branding_color;
  useEffect(() => {
    if (exists && requested) rememberWorkspace(requested);
  }, [exists, requested]);
  if (me.isPending) return <Skeleton />;
  // After a first login, SessionDialog asks in place, so that unsaved input stays on the page.
  if (!me.data && me.error instanceof ApiError && me.error.status === 401) {
    return <Navigate to={`/login?then=${encodeURIComponent(pathname + search)}`} />;
  }
  if (!me.data) return <Failed error={me.error} retry={() => void me.refetch()} />;
  const ids = me.data.workspaces.map((each) => each.id);
  const color = me.data.workspaces.find((each) => each.id === requested)?.color ?? branding;
  const missing = exists === false;
  return (
    <AccessContext.Provider value={access}>
      <div className={css.shell}>
        {color && <div className={css.environment} style={{ background: color }} />}
        <SkipLink />
        <Navigation
          email={me.data.email}
          workspaces={ids}
          workspace={missing ? undefined : (requested ?? initialWorkspace(ids))}
        />
        <div className={css.notices}>
          <ConnectionStatus />
          {me.data.impersonatedBy && <ImpersonationBanner email={me.data.email} admin={me.data.impersonatedBy} />}
          {archived && requested && <ArchivedBanner workspace={requested} />}
        </div>
        <div className={css.body} id={CONTENT} tabIndex={-1}>
          {missing && <WorkspaceNotFound id={requested ?? ""} workspaces={ids} />}
          {exists && <Outlet />}
        </div>
        <SessionDialog />
      </div>
    </AccessContext.Provider>
  );
}

/**
 * Return whether the user can open a workspace, undefined until that is known, and whether it is archived. The
 * workspaces of the user do not include archived ones, which can be opened nevertheless.
 */
function useWorkspaceState(id: string | undefined): { exists: boolean | undefined; archived: boolean } {
  const me = useQuery(meQuery).data;
  const isListed = id === undefined || me?.workspaces.some((each) => each.id === id);
  const asks = me !== undefined && !isListed;
  const { data, error } = useQuery({ ...workspaceSettingsQuery(id ?? ""), enabled: asks });
  if (!asks) return { exists: isListed, archived: false };
  if (data) return { exists: true, archived: data.archived ?? false };
  if (error) return { exists: !(error instanceof ApiError && error.status === 404), archived: false };
  return { exists: undefined, archived: false };
}

/** Return what the user may do in a workspace: everything until the role is known, because the server decides. */
function useAccessOf(workspace: string | undefined, archived: boolean, releasesOnly: boolean): Access {
  const { data, isPending } = useQuery({ ...ownMemberQuery(workspace ?? ""), enabled: workspace !== undefined });
  const role = data?.role;
  return useMemo(
    () => ({
      archived,
      known: !isPending,
      mayRun: role !== "viewer",
      mayEdit: role !== "viewer" && role !== "operator",
      releasesOnly,
    }),
    [archived, isPending, role, releasesOnly],
  );
}

/** The rail of wide windows or the bar of narrow ones, and the dialogs that both open. */
function Navigation(props: Omit<NavigationProps, "open">) {
  const [dialog, setDialog] = useState<PageDialog>(null);
  useDialogKeys(setDialog);
  const Pages = useMedia(PHONE) ? PhoneBar : Rail;
  return (
    <>
      <Pages {...props} open={setDialog} />
      {dialog === "palette" && props.workspace && (
        <Palette workspace={props.workspace} open={setDialog} close={() => setDialog(null)} />
      )}
      {dialog === "shortcuts" && <Shortcuts close={() => setDialog(null)} />}
    </>
  );
}

/** Link to the content, the first stop of the Tab key. */
function SkipLink() {
  const skip = (event: MouseEvent) => {
    event.preventDefault();
    document.getElementById(CONTENT)?.focus();
  };
  return (
    <a className={css.skip} href={`#${CONTENT}`} onClick={skip}>
      {t("shell.skip")}
    </a>
  );
}

const RETRY_MS = 2000;

/** Message shown while the server does not answer. Retries until it does. */
function ConnectionStatus() {
  const reached = useConnection((state) => state.reached);
  const queries = useQueryClient();
  useEffect(() => {
    if (reached) return;
    const timer = setInterval(() => void api.GET("/api/version", { parseAs: "text" }).catch(() => {}), RETRY_MS);
    return () => {
      clearInterval(timer);
      void queries.invalidateQueries({ predicate: (query) => query.state.status === "error" });
    };
  }, [reached, queries]);
  return (
    <div className={css.connection} role="status" aria-label={t("shell.connection")}>
      {!reached && t("shell.connectionLost")}
    </div>
  );
}

/** Login dialog shown after the end of the session. The page stays behind it. */
function SessionDialog() {
  const [lost, setLost] = useState(false);
  useEffect(() => onSessionLost(() => setLost(true)), []);
  return lost && <LoginDialog done={() => setLost(false)} />;
}

/** Return the last workspace, otherwise the first one other than `admins`. */
function initialWorkspace(ids: string[]): string | undefined {
  const last = lastWorkspace();
  return ids.find((id) => id === last) ?? ids.find((id) => id !== "admins") ?? ids[0];
}

/** Redirect to the initial workspace, or to the account of a user without workspaces, which shows invitations. */
export function ToWorkspace() {
  const { data } = useQuery(meQuery);
  const chosen = initialWorkspace(data?.workspaces.map((each) => each.id) ?? []);
  return <Navigate to={chosen ? `/w/${chosen}` : "/account"} />;
}
