import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type EnvironmentRules, releasableItemsQuery } from "../api/environments";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/environments";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import { isTree } from "../workflow/types";
import css from "./environments.module.css";

type Checks = NonNullable<EnvironmentRules["checks"]>;
type SmokeRun = NonNullable<Checks["smoke_run"]>;

const TIME_LIMIT_S = 300;
const MAX_TIME_LIMIT_S = 3600;

interface Props {
  /** Workspace of the environment, which has the workflow or script of the smoke run. */
  workspace: string;
  rules: EnvironmentRules;
  change: (changes: Partial<EnvironmentRules>) => void;
}

/** Fields of the checks that are performed after a release was promoted, and of what follows if they fail. */
export function CheckFields({ workspace, rules, change }: Props) {
  const checks = rules.checks ?? {};
  const smoke = checks.smoke_run ?? null;
  const set = (changes: Partial<Checks>) => {
    const changed = { ...checks, ...changes };
    const any = changed.workflow_tests || changed.smoke_run;
    change({ checks: changed, ...(any ? {} : { on_failed_check: "nothing" as const }) });
  };
  const setSmoke = (changes: Partial<SmokeRun>) =>
    set({ smoke_run: { kind: "flow", path: "", args: {}, time_limit_s: TIME_LIMIT_S, ...smoke, ...changes } });
  return (
    <fieldset className={css.group}>
      <legend>{t("environments.checks")}</legend>
      <label className={css.check}>
        <input
          type="checkbox"
          checked={checks.workflow_tests ?? false}
          onChange={(event) => set({ workflow_tests: event.target.checked })}
        />
        <span>{t("environments.checkTests")}</span>
      </label>
      <Field label={t("environments.smokeRun")} help={t("environments.smokeRunHint")}>
        <Select
          value={smoke?.kind ?? ""}
          set={(kind) => (kind ? setSmoke({ kind: kind as SmokeRun["kind"] }) : set({ smoke_run: null }))}
        >
          <option value="">{t("environments.smokeNone")}</option>
          <option value="flow">{t("environments.smokeFlow")}</option>
          <option value="script">{t("environments.smokeScript")}</option>
        </Select>
      </Field>
      {smoke && <SmokeFields workspace={workspace} smoke={smoke} set={setSmoke} />}
      {(checks.workflow_tests || smoke) && (
        <Field label={t("environments.onFailedCheck")} help={t("environments.onFailedCheckHint")}>
          <Select
            value={rules.on_failed_check ?? "nothing"}
            set={(value) => change({ on_failed_check: value as NonNullable<EnvironmentRules["on_failed_check"]> })}
          >
            <option value="nothing">{t("environments.failedNothing")}</option>
            <option value="hold">{t("environments.failedHold")}</option>
            <option value="rollback">{t("environments.failedRollback")}</option>
          </Select>
        </Field>
      )}
    </fieldset>
  );
}

interface SmokeProps {
  workspace: string;
  smoke: SmokeRun;
  set: (changes: Partial<SmokeRun>) => void;
}

function SmokeFields({ workspace, smoke, set }: SmokeProps) {
  const items = useQuery({ ...releasableItemsQuery(workspace), enabled: workspace !== "" }).data ?? [];
  const [text, setText] = useState(JSON.stringify(smoke.args ?? {}));
  const [valid, setValid] = useState(true);
  const read = (typed: string) => {
    setText(typed);
    const args = objectOf(typed);
    setValid(args !== null);
    // The type that is generated for an object with any keys has no keys.
    if (args) set({ args: args as Record<string, never> });
  };
  return (
    <>
      <Field label={t("environments.smokePath")}>
        <Input required value={smoke.path} list="smoke-paths" onChange={(event) => set({ path: event.target.value })} />
        <datalist id="smoke-paths">
          {items
            .filter((each) => each.kind === smoke.kind)
            .map(({ path }) => (
              <option key={path} value={path} />
            ))}
        </datalist>
      </Field>
      <Field
        label={t("environments.smokeInputs")}
        help={t("environments.smokeInputsHint")}
        error={valid ? undefined : t("environments.smokeInputsInvalid")}
      >
        <textarea
          className={controls.input}
          rows={2}
          value={text}
          spellCheck={false}
          onChange={(event) => read(event.target.value)}
        />
      </Field>
      <Field label={t("environments.smokeLimit")}>
        <Input
          type="number"
          min={1}
          max={MAX_TIME_LIMIT_S}
          value={smoke.time_limit_s ?? TIME_LIMIT_S}
          onChange={(event) => set({ time_limit_s: event.target.valueAsNumber || TIME_LIMIT_S })}
        />
      </Field>
    </>
  );
}

/** Parse a JSON object; null: the text is something else. */
function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value = parseJson(text || "{}");
    return isTree(value) ? value : null;
  } catch {
    return null;
  }
}
