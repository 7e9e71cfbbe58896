import { t } from "../texts/t";

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

/** Return the message that another admin changed a setting to `theirs`, which the next attempt replaces. */
export function conflictText(name: string, theirs: unknown): string {
  return t("ui.changedMeanwhile", { name: name === "new_name" ? t("ui.name") : name, value: JSON.stringify(theirs) });
}

/** Value and, if it has one, version of a setting that another admin changed. */
interface SettingConflict {
  name: string;
  theirs: unknown;
  newest: string | undefined;
}

/** Return the stored value of a setting that another admin changed meanwhile, with its name; null for other errors. */
export function settingConflict(error: unknown): SettingConflict | null {
  if (!(error instanceof ApiError) || error.code !== "version_conflict") return null;
  const { name, theirs, newest } = (error.details ?? {}) as Partial<SettingConflict>;
  return name === undefined ? null : { name, theirs: theirs ?? null, newest };
}

/** Return the message and hint of a thrown value; of a conflict of two admins, the stored value. */
export function errorText(error: unknown): string {
  const conflict = settingConflict(error);
  if (conflict) return conflictText(conflict.name, conflict.theirs);
  if (error instanceof ApiError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}
