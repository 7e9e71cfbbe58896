/** Error of a request, with the message of the server. `status` is 0 if the server did not respond. */
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

/** Return the message and hint of a thrown value. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}
