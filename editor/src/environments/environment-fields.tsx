import type { Environment, EnvironmentRules } from "../api/environments";
import { t } from "../texts/environments";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import css from "./environments.module.css";

const MAX_APPROVALS = 20;
const MAX_SOAK_MINUTES = 60 * 24 * 90;

/** Values of an environment that can be changed. */
export interface EnvironmentValues {
  /** Place in the pipeline, from 1. */
  position: number;
  color: string;
  rules: EnvironmentRules;
}

interface Props {
  values: EnvironmentValues;
  set: (values: EnvironmentValues) => void;
  /** The other environments in the order of the pipeline. */
  others: readonly Environment[];
}

/** Fields of the place, color and rules of an environment. Rules without a field stay as they are. */
export function EnvironmentFields({ values, set, others }: Props) {
  return (
    <>
      <Field label={t("environments.position")} help={t("environments.positionHint")}>
        <Select value={values.position} set={(value) => set({ ...values, position: Number(value) })}>
          {others.map((each, index) => (
            <option key={each.name} value={index + 1}>
              {t("environments.positionBefore", { number: index + 1, name: each.name })}
            </option>
          ))}
          <option value={others.length + 1}>{t("environments.positionLast", { number: others.length + 1 })}</option>
        </Select>
      </Field>
      <Field label={t("environments.color")} help={t("environments.colorHint")}>
        <Input
          type="color"
          className={css.color}
          value={values.color}
          onChange={(event) => set({ ...values, color: event.target.value })}
        />
      </Field>
      <RuleFields rules={values.rules} set={(rules) => set({ ...values, rules })} />
    </>
  );
}

function RuleFields({ rules, set }: { rules: EnvironmentRules; set: (rules: EnvironmentRules) => void }) {
  return (
    <>
      <Field label={t("environments.approvals")} help={t("environments.approvalsHint")}>
        <Input
          type="number"
          min={0}
          max={MAX_APPROVALS}
          value={rules.approvals ?? 0}
          onChange={(event) => set({ ...rules, approvals: event.target.valueAsNumber || 0 })}
        />
      </Field>
      <Field label={t("environments.approvers")} help={t("environments.approversHint")}>
        <Input
          defaultValue={(rules.approvers ?? []).join(", ")}
          spellCheck={false}
          onChange={(event) => set({ ...rules, approvers: event.target.value.split(/[\s,]+/).filter(Boolean) })}
        />
      </Field>
      <Field label={t("environments.soak")} help={t("environments.soakHint")}>
        <Input
          type="number"
          min={0}
          max={MAX_SOAK_MINUTES}
          value={rules.soak_minutes ?? 0}
          onChange={(event) => set({ ...rules, soak_minutes: event.target.valueAsNumber || 0 })}
        />
      </Field>
      <Field label={t("environments.workflowTests")}>
        <Select
          value={rules.workflow_tests ?? "ignore"}
          set={(value) => set({ ...rules, workflow_tests: value as NonNullable<EnvironmentRules["workflow_tests"]> })}
        >
          <option value="ignore">{t("environments.testsIgnored")}</option>
          <option value="pass">{t("environments.ruleTestsPass")}</option>
          <option value="require">{t("environments.ruleTestsRequire")}</option>
        </Select>
      </Field>
      <label>
        <input
          type="checkbox"
          checked={rules.refuse_direct_deploys ?? false}
          onChange={(event) => set({ ...rules, refuse_direct_deploys: event.target.checked })}
        />{" "}
        {t("environments.ruleDirect")}
      </label>
    </>
  );
}
