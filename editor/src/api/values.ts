import { ApiError } from "../lib/api-error";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/api";
import type { Json } from "../workflow/types";
import { BASE, CREDENTIALS } from "./client";

/** Source of a value of a run or job: its result, its inputs, or its inputs before its preprocessor. */
export interface ValueOf {
  what: "result" | "args" | "received";
  job: string;
}

/** Part of the JSON text of a value, its length in bytes and that of the whole value. */
export interface ValuePart {
  text: string;
  bytes: number;
  size: number;
}

const CALLS = { result: "completed/get_result/$", args: "get_args/$", received: "get_args/$?received=true" } as const;

export const valueAddress = (workspace: string, { what, job }: ValueOf): string =>
  `${BASE}/api/w/${workspace}/jobs_u/${CALLS[what].replace("$", job)}`;

/**
 * Fetch `length` bytes from `start`. A character that is cut at the end is left out, with its bytes. Throws ApiError 404 if
 * there is no value yet.
 */
export async function valuePart(workspace: string, source: ValueOf, start: number, length: number): Promise<ValuePart> {
  const answer = await fetch(valueAddress(workspace, source), {
    headers: { Range: `bytes=${start}-${start + length - 1}`, "X-Orvanta": "1" },
    credentials: CREDENTIALS,
  });
  if (!answer.ok) {
    const { error } = await answer.json().catch(() => ({ error: {} }));
    throw new ApiError(answer.status, error.code ?? "", error.message ?? t("api.unreadable"), error.hint ?? null, null);
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const size = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? bytes.length);
  const whole = start + bytes.length >= size ? bytes.length : wholeCharacters(bytes);
  return { text: new TextDecoder().decode(bytes.subarray(0, whole)), bytes: whole, size };
}

function wholeCharacters(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  const last = bytes[end - 1] ?? 0;
  const needs = last >= 0xf0 ? 4 : last >= 0xe0 ? 3 : last >= 0xc0 ? 2 : 1;
  return needs > 1 && end - 1 + needs > bytes.length ? end - 1 : bytes.length;
}

/** Maximum size of a value that is read as a whole. */
const MAX_WHOLE_BYTES = 256 << 10;

/** Query of a value; null if it is too large. */
export const wholeQuery = (workspace: string, what: ValueOf["what"], job: string) => ({
  queryKey: ["whole-value", workspace, what, job],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async (): Promise<{ value: Json } | null> => {
    const part = await valuePart(workspace, { what, job }, 0, MAX_WHOLE_BYTES);
    return part.bytes < part.size ? null : { value: parseJson(part.text) as Json };
  },
});
