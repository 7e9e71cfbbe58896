import createClient, { type Middleware } from "openapi-fetch";
import { takeEarlyResponse } from "../early/requests";
import { ApiError } from "../lib/api-error";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/api";
import { reportResponse } from "./connection";
import type { paths } from "./schema";

/** Base address of the API: this server, or that of the meta element `orvanta-api` of the page. */
export const BASE = document.querySelector<HTMLMetaElement>('meta[name="orvanta-api"]')?.content ?? "";

/** Credentials mode of requests: the session cookie is also sent to an API on another origin. */
export const CREDENTIALS: RequestCredentials = BASE ? "include" : "same-origin";

/** Calls without a session, which respond with 401 to wrong credentials. */
const CREDENTIAL_CALLS = ["/api/auth/login", "/api/auth/enrol_totp"];

const sessionListeners = new Set<() => void>();

/** Call `listener` whenever the session has ended. Return a function that removes it. */
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
    if (response.ok) return withExactNumbers(response);
    if (response.status === 401 && !CREDENTIAL_CALLS.includes(schemaPath))
      for (const listener of sessionListeners) listener();
    throw await apiErrorOf(response);
  },
  onError() {
    reportResponse(0);
    return new ApiError(0, "unreachable", t("api.unreachable"), t("api.unreachableHint"), null);
  },
};

/** Return a response whose JSON has all digits of its numbers. */
function withExactNumbers(response: Response): Response {
  const copy = new Response(response.body, response);
  copy.json = async () => {
    const text = await copy.text();
    return text ? parseJson(text) : undefined;
  };
  // Without a length, the client itself would parse the text.
  copy.headers.set("Content-Length", "1");
  return copy;
}

async function apiErrorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = parseJson(await response.text()) as { error: ApiError };
    return new ApiError(response.status, error.code, error.message, error.hint ?? null, error.details ?? null);
  } catch {
    return new ApiError(response.status, "no_answer", t("api.status", { status: response.status }), null, null);
  }
}

/** Typed client of the API. Each call throws ApiError if the request fails. */
export const api = createClient<paths>({
  baseUrl: BASE || window.location.origin,
  credentials: CREDENTIALS,
  fetch: async (request) => (await takeEarlyResponse(request)) ?? fetch(request),
});
api.use(middleware);

/** Return the messages of the warnings about an item that was deployed. */
export function warningsOf(response: Response): string[] {
  const warnings: { message: string }[] = JSON.parse(response.headers.get("X-Warnings") ?? "[]");
  return warnings.map(({ message }) => message);
}

/** Return the present path of a workflow or script whose request failed because it was moved. */
export function movedTo(error: unknown): string | null {
  if (!(error instanceof ApiError) || error.status !== 404) return null;
  const target = (error.details as { moved_to?: unknown } | null)?.moved_to;
  return typeof target === "string" ? target : null;
}
