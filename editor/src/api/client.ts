import createClient, { type Middleware } from "openapi-fetch";
import { reportResponse } from "./connection";
import type { paths } from "./schema";

/** Where the API is: this server, or what the page's meta element `orvanta-api` names. */
export const BASE = document.querySelector<HTMLMetaElement>('meta[name="orvanta-api"]')?.content ?? "";

/** The session's cookie goes to the API alone, also where that is another origin than the page's. */
export const CREDENTIALS: RequestCredentials = BASE ? "include" : "same-origin";

/** What the server refused, in its own words. `status` 0: no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null,
    readonly details: unknown,
  ) {
    super(message);
  }
}

const sessionListeners = new Set<() => void>();

/** Calls `listener` whenever the session turns out to be over; gives what ends that. */
export function onSessionLost(listener: () => void): () => void {
  sessionListeners.add(listener);
  return () => sessionListeners.delete(listener);
}

const middleware: Middleware = {
  onRequest({ request }) {
    request.headers.set("X-Orvanta", "1");
  },
  async onResponse({ response, schemaPath }) {
    reportResponse(response.status);
    if (response.ok) return;
    if (response.status === 401 && schemaPath !== "/api/auth/login")
      for (const listener of sessionListeners) listener();
    throw await apiErrorOf(response);
  },
  onError() {
    reportResponse(0);
    return new ApiError(0, "unreachable", "The server does not answer.", "It is asked again by itself.", null);
  },
};

async function apiErrorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = await response.json();
    return new ApiError(response.status, error.code, error.message, error.hint ?? null, error.details ?? null);
  } catch {
    return new ApiError(response.status, "no_answer", `The server answered ${response.status}.`, null, null);
  }
}

/** The API, typed by the server's own description. Every call throws ApiError where it is refused. */
export const api = createClient<paths>({ baseUrl: BASE || window.location.origin, credentials: CREDENTIALS });
api.use(middleware);

/** The sentence to show for whatever was thrown. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}
