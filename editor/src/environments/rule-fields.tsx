import { useQuery } from "@tanstack/react-query";
import type { EnvironmentRules } from "../api/environments";
import { peopleQuery } from "../api/options";
import { PeopleField } from "../forms/people-field";
import { t } from "../texts/environments";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { CheckFields } from "./check-fields";
import css from "./environments.module.css";
import { FrozenHoursFields } from "./frozen-hours-fields";

const MAX_APPROVALS = 20;
const MAX_SOAK_MINUTES = 60 * 24 * 90;

interface Props {
  /** Workspace of the environment, whose members and groups can be named. */
  workspace: string;
  rules: EnvironmentRules;
  set: (rules: EnvironmentRules) => void;
}

/** Fields of the conditions of a deployment to an environment. */
export function RuleFields({ workspace, rules, set }: Props) {
  const { members = [], groups = [] } = useQuery({ ...peopleQuery(workspace), enabled: workspace !== "" }).data ?? {};
  const people = [...members, ...groups].map(({ value }) => value);
  const change = (changes: Partial<EnvironmentRules>) => set({ ...rules, ...changes });
  return (
    <>
      <NumberField
        label={t("environments.approvals")}
        help={t("environments.approvalsHint")}
        max={MAX_APPROVALS}
        value={rules.approvals}
        set={(approvals) => change({ approvals })}
      />
      <PeopleField
        label={t("environments.approvers")}
        help={t("environments.approversHint")}
        people={people}
        chosen={rules.approvers ?? []}
        set={(chosen) => change({ approvers: [...chosen] })}
      />
      <Checkbox
        label={t("environments.authorMayApprove")}
        checked={rules.author_may_approve}
        set={(author_may_approve) => change({ author_may_approve })}
      />
      <PeopleField
        label={t("environments.appliers")}
        help={t("environments.appliersHint")}
        people={people}
        chosen={rules.appliers ?? []}
        set={(chosen) => change({ appliers: [...chosen] })}
      />
      <PeopleField
        label={t("environments.bypassers")}
        help={t("environments.bypassersHint")}
        people={people}
        chosen={rules.bypass ?? []}
        set={(chosen) => change({ bypass: [...chosen] })}
      />
      <NumberField
        label={t("environments.soak")}
        help={t("environments.soakHint")}
        max={MAX_SOAK_MINUTES}
        value={rules.soak_minutes}
        set={(soak_minutes) => change({ soak_minutes })}
      />
      <Field label={t("environments.workflowTests")}>
        <Select
          value={rules.workflow_tests ?? "ignore"}
          set={(value) => change({ workflow_tests: value as NonNullable<EnvironmentRules["workflow_tests"]> })}
        >
          <option value="ignore">{t("environments.testsIgnored")}</option>
          <option value="pass">{t("environments.ruleTestsPass")}</option>
          <option value="require">{t("environments.ruleTestsRequire")}</option>
        </Select>
      </Field>
      <Checkbox
        label={t("environments.ruleDirect")}
        checked={rules.refuse_direct_deploys}
        set={(refuse_direct_deploys) => change({ refuse_direct_deploys })}
      />
      <Checkbox
        label={t("environments.rulePreviews")}
        checked={rules.refuse_previews}
        set={(refuse_previews) => change({ refuse_previews })}
      />
      <Checkbox
        label={t("environments.ruleRemovals")}
        checked={rules.permit_removals}
        set={(permit_removals) => change({ permit_removals })}
      />
      <CheckFields workspace={workspace} rules={rules} change={change} />
      <FrozenHoursFields hours={rules.frozen_hours ?? null} set={(frozen_hours) => change({ frozen_hours })} />
    </>
  );
}

interface FieldProps<T> {
  label: string;
  help: string;
  value: T | undefined;
  set: (value: T) => void;
}

function NumberField({ label, help, max, value, set }: FieldProps<number> & { max: number }) {
  return (
    <Field label={label} help={help}>
      <Input
        type="number"
        min={0}
        max={max}
        value={value ?? 0}
        onChange={(event) => set(event.target.valueAsNumber || 0)}
      />
    </Field>
  );
}

function Checkbox({ label, checked, set }: { label: string; checked?: boolean; set: (checked: boolean) => void }) {
  return (
    <label className={css.check}>
      <input type="checkbox" checked={checked ?? false} onChange={(event) => set(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}
