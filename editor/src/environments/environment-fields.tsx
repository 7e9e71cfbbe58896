import type { Environment, EnvironmentRules } from "../api/environments";
import { t } from "../texts/environments";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { RuleFields } from "./rule-fields";

/** Values of an environment that can be changed. */
export interface EnvironmentValues {
  /** Place in the pipeline, from 1. */
  position: number;
  color: string;
  rules: EnvironmentRules;
}

interface Props {
  workspace: string;
  values: EnvironmentValues;
  set: (values: EnvironmentValues) => void;
  /** The other environments in the order of the pipeline. */
  others: readonly Environment[];
}

/** Fields of the place, color and rules of an environment. */
export function EnvironmentFields({ workspace, values, set, others }: Props) {
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
        <Input type="color" value={values.color} onChange={(event) => set({ ...values, color: event.target.value })} />
      </Field>
      <RuleFields workspace={workspace} rules={values.rules} set={(rules) => set({ ...values, rules })} />
    </>
  );
}
