import { matchPath } from "../routing/match";

/** A request of the first script. `workspace`: its header X-Workspace. */
interface EarlyRequest {
  workspace: string | null;
  /** The response; null if the request was not sent after all. */
  response: Promise<Response | null>;
}

/** Requests of the first script by URL, without those whose response was taken. */
export type EarlyRequests = Map<string, EarlyRequest>;

declare global {
  /** Set by the first script of the page. */
  var earlyRequests: EarlyRequests | undefined;
}

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Send the requests with which the page at a path begins (see api/prefetch.ts), before its scripts are loaded and compiled.
 * `base`: address of the API, "" for this server; `origin`: that of the page.
 */
export function sendEarlyRequests(path: string, base: string, origin: string): EarlyRequests {
  const requests: EarlyRequests = new Map();
  const add = (
    call: string,
    workspace: string | null,
    send: (get: () => Promise<Response>) => Promise<Response | null>,
  ) => {
    const url = new URL((base || origin).replace(/\/$/, "") + call).href;
    const headers = { "X-Orvanta": "1", ...(workspace === null ? {} : { "X-Workspace": workspace }) };
    const response = send(() => fetch(url, { headers, credentials: base ? "include" : "same-origin" }));
    // Errors are those of the request that takes the response, if there is one.
    response.catch(() => {});
    requests.set(url, { workspace, response });
    return response;
  };
  const request = (call: string, workspace: string | null = null) => add(call, workspace, (get) => get());
  /** Send a request if the response to another one, which is read too, meets a condition. */
  const follow = (
    first: Promise<Response | null>,
    holds: (body: Record<string, unknown> | null) => boolean,
    call: string,
    workspace: string | null = null,
  ) => add(call, workspace, async (get) => ((await first.then(bodyHolds(holds)).catch(() => false)) ? get() : null));

  if (matchPath("login", path)) return requests;
  const workspace = matchPath("w/:workspace/*", path)?.workspace;
  const workflow = matchPath("w/:workspace/workflows/*", path)?.["*"];
  const run = matchPath("w/:workspace/runs/:id", path)?.id;
  if (workspace !== undefined) {
    const part = `/api/w/${encodeURIComponent(workspace)}`;
    // The data of the page come first.
    if (workflow) {
      const rest = encodeURIComponent(workflow);
      const draft = request(`${part}/drafts/flow/${rest}`);
      // A workflow that was never deployed exists as a draft only.
      follow(draft, (body) => body?.newest_version !== null, `${part}/flows/get/${rest}`);
    } else if (run && RUN_ID.test(run)) {
      const about = request(`/api/v1/runs/${run}/about`, workspace);
      const isWorkflow = (body: Record<string, unknown> | null) => body?.is_workflow === true && body.run_id === run;
      follow(about, isWorkflow, `/api/v1/runs/${run}/document`, workspace);
    } else if (matchPath("w/:workspace", path)) request(`${part}/overview`);
    request(`${part}/users/whoami`);
  }
  for (const call of ["/api/users/whoami", "/api/workspaces/users", "/api/auth/oidc/providers"]) request(call);
  return requests;
}

/** Return a function that returns true if a response is no error and its body meets a condition. */
const bodyHolds =
  (holds: (body: Record<string, unknown> | null) => boolean) =>
  async (response: Response | null): Promise<boolean> =>
    response?.ok === true && holds(await response.clone().json());

/** Return the response to a request that the first script sent, the first time it is asked for; otherwise null. */
export async function takeEarlyResponse({ method, url, headers }: Request): Promise<Response | null> {
  const requests = globalThis.earlyRequests;
  const early = requests?.get(url);
  if (!early || method !== "GET" || early.workspace !== headers.get("X-Workspace")) return null;
  requests?.delete(url);
  return early.response;
}
