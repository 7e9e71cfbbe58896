import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Link, Navigate, NavLink, Outlet, useLocation, useNavigate, useParams } from "react-router";
import { ApiError, api, BASE, onSessionLost } from "../api/client";
import { useConnection } from "../api/connection";
import { logout, meQuery, workspaceExistsQuery } from "../api/session";
import logo from "../icon.svg";
import { lastWorkspace } from "../lib/last-workspace";
import { toggleTheme } from "../lib/theme";
import { chooseLanguage, currentLanguage, LANGUAGE_NAMES, LANGUAGES, type Language } from "../texts/language";
import { t } from "../texts/t";
import { IconButton, LinkButton } from "../ui/controls";
import { Select } from "../ui/select";
import { Failed, Skeleton } from "../ui/states";
import { notifyError } from "../ui/toasts";
import { WorkspaceNotFound } from "./not-found";
import { PAGES } from "./pages";
import css from "./shell.module.css";
import { type PageDialog, useDialogKeys } from "./use-dialog-keys";

const PRODUCT = "Orvanta";
const Palette = lazy(() => import("./palette"));
const Shortcuts = lazy(() => import("./shortcuts"));
const LoginDialog = lazy(() => import("./login-dialog"));

/** The bar above every page. Users without a session are sent to the login page; after its end they can log in in place. */
export function Shell() {
  const me = useQuery(meQuery);
  const { pathname, search } = useLocation();
  const { workspace: requested } = useParams();
  const exists = useWorkspaceExists(requested);
  if (me.isPending) return <Skeleton />;
  // After a first login, SessionDialog asks in place, so that unsaved input stays on the page.
  if (!me.data && me.error instanceof ApiError && me.error.status === 401) {
    return <Navigate to={`/login?then=${encodeURIComponent(pathname + search)}`} replace />;
  }
  if (!me.data) return <Failed error={me.error} retry={() => void me.refetch()} />;
  const ids = me.data.workspaces.map((each) => each.id);
  const missing = exists === false;
  return (
    <div className={css.shell}>
      <Bar
        email={me.data.email}
        workspaces={ids}
        workspace={missing ? undefined : (requested ?? initialWorkspace(ids))}
      />
      <ConnectionStatus />
      <div className={css.body}>
        {missing && <WorkspaceNotFound id={requested ?? ""} workspaces={ids} />}
        {exists && <Outlet />}
      </div>
      <SessionDialog />
    </div>
  );
}

/** Return whether the user can open a workspace; undefined until that is known. */
function useWorkspaceExists(id: string | undefined): boolean | undefined {
  const me = useQuery(meQuery).data;
  const isMember = id === undefined || me?.workspaces.some((each) => each.id === id);
  // Superadmins can open workspaces without being a member.
  const asks = id !== undefined && me?.superAdmin === true && !isMember;
  const exists = useQuery({ ...workspaceExistsQuery(id ?? ""), enabled: asks });
  if (!asks) return isMember;
  return exists.isError ? true : exists.data;
}

interface BarProps {
  email: string;
  workspaces: string[];
  /** Workspace of the page, or of its links if the page has none. */
  workspace: string | undefined;
}

function Bar({ email, workspaces, workspace }: BarProps) {
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<PageDialog>(null);
  useDialogKeys(setDialog);
  const leave = async () => {
    try {
      await logout();
      window.location.assign("/login");
    } catch (error) {
      notifyError(error);
    }
  };
  return (
    <header className={css.bar}>
      <Link to={workspace ? `/w/${workspace}` : "/"} className={css.brand} aria-label={t("shell.home")}>
        <img src={logo} alt="" width="24" height="24" />
        <span className={css.wordmark}>{PRODUCT}</span>
      </Link>
      {workspace && (
        <Select aria-label={t("shell.workspace")} value={workspace} set={(next) => void navigate(`/w/${next}`)}>
          {[...new Set([...workspaces, workspace])].map((id) => (
            <option key={id}>{id}</option>
          ))}
        </Select>
      )}
      {workspace && <Navigation workspace={workspace} />}
      <div className={css.userMenu}>
        {workspace && (
          <IconButton
            label={t("shell.palette")}
            icon="search"
            title={t("shell.paletteKeys")}
            onClick={() => setDialog("palette")}
          />
        )}
        <span className={css.account}>{email}</span>
        <LinkButton
          look="quiet"
          icon="question"
          to={`${BASE}/docs`}
          target="_blank"
          aria-label={t("shell.documentation")}
          title={t("shell.documentation")}
          data-square=""
        />
        <Select
          aria-label={t("shell.language")}
          value={currentLanguage()}
          set={(language) => chooseLanguage(language as Language)}
        >
          {LANGUAGES.map((language) => (
            <option key={language} value={language} lang={language}>
              {LANGUAGE_NAMES[language]}
            </option>
          ))}
        </Select>
        <IconButton label={t("shell.theme")} icon="moon" onClick={toggleTheme} />
        <IconButton label={t("shell.logOut")} icon="logout" onClick={() => void leave()} />
      </div>
      <Suspense>
        {dialog === "palette" && workspace && (
          <Palette workspace={workspace} open={setDialog} close={() => setDialog(null)} />
        )}
        {dialog === "shortcuts" && <Shortcuts close={() => setDialog(null)} />}
      </Suspense>
    </header>
  );
}

function Navigation({ workspace }: { workspace: string }) {
  const { pathname } = useLocation();
  const nav = useRef<HTMLElement>(null);
  // If the bar is narrower than its links, scroll to the link of this page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs after a change of the page
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [pathname]);
  return (
    <nav ref={nav} className={css.navigation} aria-label={t("shell.pages")}>
      {PAGES.map(([name, to]) => (
        <NavLink key={name} to={`/w/${workspace}${to}`} end={to === ""}>
          {name}
        </NavLink>
      ))}
    </nav>
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
  return <Suspense>{lost && <LoginDialog done={() => setLost(false)} />}</Suspense>;
}

/** Return the last workspace, otherwise the first one other than `admins`. */
function initialWorkspace(ids: string[]): string | undefined {
  const last = lastWorkspace();
  return ids.find((id) => id === last) ?? ids.find((id) => id !== "admins") ?? ids[0];
}

/** Redirect to the initial workspace. */
export function ToWorkspace() {
  const { data } = useQuery(meQuery);
  const chosen = initialWorkspace(data?.workspaces.map((each) => each.id) ?? []);
  if (!chosen) return <Failed error={new Error(t("shell.noWorkspace"))} />;
  return <Navigate to={`/w/${chosen}`} replace />;
}
