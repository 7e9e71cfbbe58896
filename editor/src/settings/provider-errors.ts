import { ApiError, errorText, settingConflict } from "../lib/api-error";
import { t } from "../texts/settings";

const ISSUER_PROBLEMS: Readonly<Record<string, string>> = {
  no_response: t("settings.issuerNoResponse"),
  issuer_differs: t("settings.issuerDiffers"),
};

const ERRORS: Readonly<Record<string, string>> = {
  bad_request: t("settings.valueRefused"),
  limit_exceeded: t("settings.valueRefused"),
  forbidden: t("settings.settingForbidden"),
};

/** Return a sentence of the page, with the message of the server, which is English, in a line below. */
const withDetail = (sentence: string, detail: string): string => `${sentence}\n${t("settings.serverSays", { detail })}`;

/** Return the warning of an issuer that cannot be used now, by the code of the problem. */
export const issuerWarning = ({ code, reason }: { code: string; reason: string }): string =>
  withDetail(t("settings.issuerWarning", { problem: ISSUER_PROBLEMS[code] ?? t("settings.issuerUnusable") }), reason);

/** Return the text of an error of the form of a provider, by the code of the error. */
export function providerError(error: unknown): string {
  const text = errorText(error);
  // Other errors, and those without a response, have a text of the page.
  if (!(error instanceof ApiError) || error.status === 0 || settingConflict(error)) return text;
  return withDetail(ERRORS[error.code] ?? t("settings.providerNotSaved"), text);
}
