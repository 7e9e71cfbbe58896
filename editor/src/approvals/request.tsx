import type { WaitingApproval } from "../api/approvals";
import { t } from "../texts/approvals";
import { isContainer } from "../workflow/types";
import css from "./approvals.module.css";

/** Message of an approval, and the inputs of its node. */
export function ApprovalRequest({ approval }: { approval: WaitingApproval }) {
  const inputs = Object.entries(approval.inputs);
  return (
    <>
      {approval.message && <p className={css.message}>{approval.message}</p>}
      {inputs.length > 0 && (
        <dl className={css.inputs} aria-label={t("approvals.inputs")}>
          {inputs.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <InputValue value={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {approval.omitted_inputs.length > 0 && (
        <p className={css.help}>{t("approvals.omittedInputs", { names: approval.omitted_inputs.join(", ") })}</p>
      )}
    </>
  );
}

function InputValue({ value }: { value: unknown }) {
  if (typeof value === "string") return <span className={css.text}>{value}</span>;
  if (!isContainer(value)) return <code>{JSON.stringify(value)}</code>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long value is scrolled by keyboard
    <pre className={css.json} tabIndex={0}>
      {JSON.stringify(value, null, 2)}
    </pre>
  );
}
