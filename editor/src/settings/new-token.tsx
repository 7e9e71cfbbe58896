import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { createToken, tokenMaxAgeQuery, tokensQuery } from "../api/account";
import { meQuery } from "../api/session";
import type { ApiError } from "../lib/api-error";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { FormDialog, missing, useSubmission } from "./parts";
import { ScopesField, useScopes } from "./scopes-field";

const DAY_MS = 86_400_000;
const PERIODS = [7, 30, 90, 365];
const NEVER = "";

/** Dialog that creates a token. `created` receives the token. */
export function NewTokenDialog({ created, close }: { created: (token: string) => void; close: () => void }) {
  const queries = useQueryClient();
  const workspaces = useQuery(meQuery).data?.workspaces ?? [];
  const [label, setLabel] = useState("");
  const [workspace, setWorkspace] = useState("");
  const [chosenDays, setDays] = useState("90");
  const most = useQuery(tokenMaxAgeQuery(workspace)).data ?? null;
  const allowed = most === null || (chosenDays !== NEVER && Number(chosenDays) <= most);
  const days = allowed ? chosenDays : String(most);
  const [limited, setLimited] = useState(true);
  const scopes = useScopes();
  const submission = useSubmission(tokenField);
  const { errors } = submission;
  const submit = async () => {
    const taken = scopes.take();
    const problems = {
      label: missing(label),
      scopes: limited && taken.length === 0 ? t("settings.noScopes") : undefined,
    };
    const create = async () => {
      const token = await createToken({
        label: label.trim(),
        expiration: expirationOf(days, most),
        scopes: limited ? [...taken] : null,
        workspace_id: workspace || null,
      });
      created(token);
    };
    if (!(await submission.send(create, problems))) return;
    close();
    await queries.invalidateQueries(tokensQuery);
  };
  return (
    <FormDialog
      title={t("settings.newToken")}
      submitLabel={t("settings.createToken")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.label")} help={t("settings.labelHint")} error={errors.label}>
        <Input value={label} onChange={(event) => setLabel(event.target.value)} />
      </Field>
      <Field label={t("settings.validIn")}>
        <Select value={workspace} set={setWorkspace}>
          <option value="">{t("settings.allWorkspaces")}</option>
          {workspaces.map((each) => (
            <option key={each.id} value={each.id}>
              {each.id}
            </option>
          ))}
        </Select>
      </Field>
      <ExpiryField days={days} set={setDays} most={most} error={errors.expiry}>
        {most === null && <option value={NEVER}>{t("settings.neverExpires")}</option>}
      </ExpiryField>
      <Field label={t("settings.rights")} help={limited ? undefined : t("settings.allRightsHint")}>
        <Select value={limited ? "limited" : "all"} set={(chosen) => setLimited(chosen === "limited")}>
          <option value="limited">{t("settings.chosenScopes")}</option>
          <option value="all">{t("settings.allRights")}</option>
        </Select>
      </Field>
      {limited && <ScopesField scopes={scopes} error={errors.scopes} />}
    </FormDialog>
  );
}

interface ExpiryProps {
  days: string;
  set: (days: string) => void;
  /** Longest lifetime in days; null: any. */
  most?: number | null;
  error?: string | undefined;
  /** Further options. */
  children?: ReactNode;
}

/** Field of the lifetime of a token in days. */
export function ExpiryField({ days, set, most = null, error, children }: ExpiryProps) {
  const periods = most === null ? PERIODS : [...PERIODS.filter((count) => count < most), most];
  const help = most === null ? undefined : t("settings.tokenMaxAge", { count: most });
  return (
    <Field label={t("settings.expiry")} help={help} error={error}>
      <Select value={days} set={set}>
        {periods.map((count) => (
          <option key={count} value={count}>
            {t("settings.days", { count })}
          </option>
        ))}
        {children}
      </Select>
    </Field>
  );
}

/** Return the time at which a token expires; null if it never does, or at the latest time that the server allows. */
export function expirationOf(days: string, most: number | null): string | null {
  // The server calculates the latest time, so that the clocks need not agree.
  return days === NEVER || days === String(most) ? null : daysAhead(days);
}

/** Return the time after a number of days from now. */
export const daysAhead = (days: string): string => new Date(Date.now() + Number(days) * DAY_MS).toISOString();

/** Return the field to which an error about a token belongs. */
export const tokenField = (error: ApiError): string => (error.message.startsWith("The scope") ? "scopes" : "");
