import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ownMemberQuery } from "../api/members";
import {
  deletePolicy,
  type Policy,
  policiesQuery,
  policyTemplatesQuery,
  type StoredPolicy,
  savePolicy,
} from "../api/policies";
import { meQuery } from "../api/session";
import ReferencesDialog from "../references/dialog";
import { References } from "../references/references";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { textOfCode } from "../texts/t";
import { Button, Field } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { isTree, type Json } from "../workflow/types";
import { parseYaml, toYaml } from "../workflow/yaml";
import { DeleteButton } from "./delete-button";
import { FormDialog, Problem, SearchedList, useSubmission } from "./parts";
import { ViolationsDialog } from "./policy-violations";
import css from "./settings.module.css";

const MODES = {
  active: t("settings.policyActive"),
  evaluate: t("settings.policyEvaluate"),
  off: t("settings.policyOff"),
} as const;
type Mode = keyof typeof MODES;

const NEW: Policy = {
  name: "described",
  scope: "workspace",
  mode: "evaluate",
  message: "",
  rules: [{ kind: "require", on: "flow", field: "description" }] as never,
  bypass: [],
};

/** Policies of the instance and of the workspace. */
export function PoliciesPage() {
  const { workspace = "" } = useParams();
  const policies = useQuery(policiesQuery(workspace));
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.policies")}</h1>
        {admin && (
          <Button look="main" icon="plus" onClick={() => setCreating(true)}>
            {t("settings.newPolicy")}
          </Button>
        )}
      </div>
      <p className={css.about}>{t("settings.policiesHint")}</p>
      <SearchedList
        label={t("settings.policies")}
        query={policies}
        keyOf={(each) => `${each.scope === "instance"} ${each.name}`}
        textOf={(each) => `${each.name} ${each.scope} ${each.message}`}
        empty={[t("settings.noPolicies"), t("settings.noPoliciesHint")]}
        row={(each) => (
          <PolicyRow workspace={workspace} policy={each} mayEdit={each.scope === "instance" ? superAdmin : admin} />
        )}
      />
      {creating && <PolicyDialog workspace={workspace} policy={null} close={() => setCreating(false)} />}
    </main>
  );
}

/** Return a stored policy without the facts about its last change. */
function bodyOf({ version: _, edited_by: _by, edited_at: _at, ...body }: StoredPolicy): Policy {
  return body;
}

interface RowProps {
  workspace: string;
  policy: StoredPolicy;
  mayEdit: boolean;
}

function PolicyRow({ workspace, policy, mayEdit }: RowProps) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [open, setOpen] = useState<"edit" | "uses" | "violations" | null>(null);
  const { name, message, rules } = policy;
  const mode = policy.mode as Mode;
  const reload = () => queries.invalidateQueries(policiesQuery(workspace));
  const remove = async () => {
    await deletePolicy(workspace, policy);
    await reload();
  };
  const setMode = async (to: string) => {
    const save = () => savePolicy(workspace, { ...bodyOf(policy), mode: to as Mode }, true);
    if (!(await submission.send(save))) return;
    notify(t("settings.saved", { name }));
    await reload();
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{name}</span>
          <span className={css.chip}>{scopeText(policy.scope)}</span>
          {!mayEdit && <span className={css.chip}>{MODES[mode]}</span>}
        </span>
        <span className={css.facts}>
          <span>{t("settings.ruleCount", { count: rules.length })}</span>
          {message && <span>{message}</span>}
        </span>
      </div>
      <div className={css.tools}>
        {mayEdit && (
          <Select
            aria-label={t("settings.policyModeOf", { name })}
            value={mode}
            disabled={submission.busy}
            set={(to) => void setMode(to)}
          >
            {Object.entries(MODES).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
        <Button onClick={() => setOpen("uses")} aria-label={t("settings.usesOf", { name })}>
          {t("settings.uses")}
        </Button>
        <Button onClick={() => setOpen("violations")} aria-label={t("settings.violationsOf", { name })}>
          {t("settings.violations")}
        </Button>
        {mayEdit && (
          <>
            <Button icon="edit" onClick={() => setOpen("edit")} aria-label={t("settings.editItem", { name })}>
              {t("ui.edit")}
            </Button>
            <DeleteButton name={name} hint={t("settings.deletePolicyHint")} submission={submission} remove={remove}>
              <References workspace={workspace} kind="policy" path={name} />
            </DeleteButton>
          </>
        )}
      </div>
      <Problem text={submission.errors[""]} />
      {open === "edit" && <PolicyDialog workspace={workspace} policy={policy} close={() => setOpen(null)} />}
      {open === "uses" && (
        <ReferencesDialog workspace={workspace} kind="policy" path={name} close={() => setOpen(null)} />
      )}
      {open === "violations" && <ViolationsDialog workspace={workspace} policy={policy} close={() => setOpen(null)} />}
    </>
  );
}

function scopeText(scope: string | undefined): string {
  if (scope === "instance") return t("settings.instance");
  return scope === "workspace" ? t("settings.ofWorkspace") : `${scope}/…`;
}

interface DialogProps {
  workspace: string;
  /** Null for a new policy. */
  policy: StoredPolicy | null;
  close: () => void;
}

/** Dialog with the text of a policy, which the server validates. */
function PolicyDialog({ workspace, policy, close }: DialogProps) {
  const queries = useQueryClient();
  const templates = useQuery({ ...policyTemplatesQuery(workspace), enabled: policy === null }).data ?? [];
  const submission = useSubmission(() => "text");
  const [text, setText] = useState(() => written(policy ? bodyOf(policy) : NEW));
  const start = (name: string) => {
    const template = templates.find((each) => each.name === name);
    setText(written(template ? { ...template, message: templateMessage(template) } : NEW));
  };
  const submit = async () => {
    const body = read(text);
    const problem = isTree(body) ? undefined : t("settings.notYaml");
    const save = () => savePolicy(workspace, body as unknown as Policy, policy !== null);
    if (!(await submission.send(save, { text: problem }))) return;
    notify(t("settings.saved", { name: String((body as { name?: Json }).name) }));
    close();
    await queries.invalidateQueries(policiesQuery(workspace));
  };
  return (
    <FormDialog
      title={policy ? t("settings.editItem", { name: policy.name }) : t("settings.newPolicy")}
      submitLabel={policy ? t("ui.save") : t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
      wide
    >
      {!policy && (
        <Field label={t("settings.policyTemplate")}>
          <Select defaultValue="" set={start}>
            <option value="">{t("settings.policyNoTemplate")}</option>
            {templates.map((each) => (
              <option key={each.name} value={each.name}>
                {textOfCode(`codes.policy_${each.name}`, each.name)}
              </option>
            ))}
          </Select>
        </Field>
      )}
      <Field label={t("settings.policyText")} help={t("settings.policyTextHint")} error={submission.errors.text}>
        <textarea
          className={controls.input}
          rows={16}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}

const templateMessage = ({ name, message }: Policy): string => textOfCode(`codes.policyMessage_${name}`, message ?? "");

const written = (policy: Policy): string => toYaml(policy as unknown as Json);

function read(text: string): Json | undefined {
  try {
    return parseYaml(text);
  } catch {
    return undefined;
  }
}
