/** curl command that calls a URL. `token`: null without a bearer token, "" for a placeholder. */
export function curl(url: string, given: { method?: string; token: string | null; body?: unknown }): string {
  const { method = "POST", token, body } = given;
  const parts = [`curl -X ${method} ${quoted(url)}`];
  if (token !== null) parts.push(`-H ${quoted(`Authorization: Bearer ${token || "<token>"}`)}`);
  if (body !== undefined && method !== "GET") {
    parts.push(`-H ${quoted("Content-Type: application/json")}`, `-d ${quoted(JSON.stringify(body))}`);
  }
  return parts.join(" \\\n  ");
}

/** The text quoted as one word of a shell. */
function quoted(text: string): string {
  return /^[\w:/.?=&-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
