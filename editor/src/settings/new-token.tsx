import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createToken, tokensQuery } from "../api/account";
import type { ApiError } from "../api/client";
import { meQuery } from "../api/session";
import { t } from "../texts/settings";
import { Button, Field, IconButton, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { FormDialog, missing, Problem, useSubmission } from "./parts";
import { ACTIONS, AREAS, actionsOf, scopeOf } from "./scopes";
import css from "./settings.module.css";

const DAY_MS = 86_400_000;
const PERIODS = [7, 30, 90, 365];
const NEVER = "";
const EXAMPLE = "f/sales/*";

/** Dialog that creates a token. `created` receives the token. */
export function NewTokenDialog({ created, close }: { created: (token: string) => void; close: () => void }) {
  const queries = useQueryClient();
  const workspaces = useQuery(meQuery).data?.workspaces ?? [];
  const [label, setLabel] = useState("");
  const [workspace, setWorkspace] = useState("");
  const [days, setDays] = useState("90");
  const [limited, setLimited] = useState(true);
  const [scopes, setScopes] = useState<readonly string[]>([]);
  const submission = useSubmission(fieldOf);
  const { errors } = submission;
  const submit = async () => {
    const problems = {
      label: missing(label),
      scopes: limited && scopes.length === 0 ? t("settings.noScopes") : undefined,
    };
    const create = async () => {
      const token = await createToken({
        label: label.trim(),
        expiration: days === NEVER ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString(),
        scopes: limited ? [...scopes] : null,
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
      <Field label={t("settings.expiry")} error={errors.expiry}>
        <Select value={days} set={setDays}>
          {PERIODS.map((count) => (
            <option key={count} value={count}>
              {t("settings.days", { count })}
            </option>
          ))}
          <option value={NEVER}>{t("settings.neverExpires")}</option>
        </Select>
      </Field>
      <Field label={t("settings.rights")} help={limited ? undefined : t("settings.allRightsHint")}>
        <Select value={limited ? "limited" : "all"} set={(chosen) => setLimited(chosen === "limited")}>
          <option value="limited">{t("settings.chosenScopes")}</option>
          <option value="all">{t("settings.allRights")}</option>
        </Select>
      </Field>
      {limited && <ScopesField scopes={scopes} set={setScopes} error={errors.scopes} />}
    </FormDialog>
  );
}

const fieldOf = (error: ApiError): string => (error.message.startsWith("The scope") ? "scopes" : "");

function ScopesField(props: {
  scopes: readonly string[];
  set: (scopes: readonly string[]) => void;
  error: string | undefined;
}) {
  const { scopes, set, error } = props;
  const [area, setArea] = useState("jobs");
  const [action, setAction] = useState("run");
  const [path, setPath] = useState("");
  const actions = actionsOf(area);
  const add = () => {
    set([...new Set([...scopes, scopeOf(area, action, path)])]);
    setPath("");
  };
  return (
    <fieldset className={css.card}>
      <legend>{t("settings.scopes")}</legend>
      <div className={css.filters}>
        <Field label={t("settings.area")}>
          <Select
            value={area}
            set={(next) => {
              setArea(next);
              if (!actionsOf(next).includes(action)) setAction("read");
            }}
          >
            {Object.entries(AREAS).map(([name, word]) => (
              <option key={name} value={name}>
                {word}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("settings.action")}>
          <Select value={action} set={setAction}>
            {actions.map((name) => (
              <option key={name} value={name}>
                {ACTIONS[name]}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("settings.scopePath")}>
          <Input
            placeholder={EXAMPLE}
            spellCheck={false}
            value={path}
            onChange={(event) => setPath(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              add();
            }}
          />
        </Field>
        <Button icon="plus" onClick={add}>
          {t("settings.addScope")}
        </Button>
      </div>
      <div className={css.facts}>
        {scopes.map((scope) => (
          <span key={scope} className={css.chip}>
            <code>{scope}</code>
            <IconButton
              icon="cross"
              label={t("settings.removeScope", { scope })}
              onClick={() => set(scopes.filter((each) => each !== scope))}
            />
          </span>
        ))}
      </div>
      <Problem text={error} />
    </fieldset>
  );
}
