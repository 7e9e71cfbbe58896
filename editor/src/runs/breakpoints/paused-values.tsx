import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Continuation, type PausedNode, pausedQuery } from "../../api/breakpoints";
import { parseJson } from "../../lib/exact-number";
import { t } from "../../texts/runs";
import { Button, Field } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Failed, Skeleton } from "../../ui/states";
import { isTree, type Json, type Tree } from "../../workflow/types";
import { useRun } from "../context";
import css from "./breakpoints.module.css";

/** Text that replaces a secret. */
const MASK = "***";
const MASK_ERROR = t("runs.maskError", { mask: MASK });

interface Props {
  paused: PausedNode;
  /** The user may change the values. */
  mayChange: boolean;
  busy: boolean;
  onContinue: (given: Continuation) => void;
}

/** Inputs of a paused node, which can be changed, and a result to set instead of running it. */
export function PausedValues({ paused, mayChange, busy, onContinue }: Props) {
  const { workspace, id: run } = useRun();
  const preview = useQuery({ ...pausedQuery(workspace, run, paused.job), enabled: paused.takes_inputs });
  // After a failed refetch the form stays, with its content.
  if (preview.isLoadingError) return <Failed error={preview.error} retry={() => void preview.refetch()} />;
  if (paused.takes_inputs && !preview.data) return <Skeleton rows={3} />;
  return (
    <>
      {paused.takes_inputs && preview.data?.error && (
        <p className={css.error}>{t("runs.inputsFailed", { error: preview.data.error })}</p>
      )}
      {paused.takes_inputs && !preview.data?.error && (
        <Inputs
          given={(preview.data?.inputs ?? {}) as Tree}
          mayChange={mayChange}
          busy={busy}
          onContinue={onContinue}
        />
      )}
      {mayChange && paused.takes_result && <Result busy={busy} onContinue={onContinue} />}
    </>
  );
}

function Inputs({ given, mayChange, busy, onContinue }: { given: Tree } & Omit<Props, "paused">) {
  const before = JSON.stringify(given, null, 2);
  const [text, setText] = useState(before);
  const { value, fault } = parse(text);
  const changed = value !== undefined && isTree(value) ? changedInputs(given, value) : {};
  const masked = JSON.stringify(changed).includes(MASK) ? MASK_ERROR : null;
  const error = fault ?? (value !== undefined && !isTree(value) ? t("runs.inputsNotObject") : masked);
  const count = Object.keys(changed).length;
  return (
    <>
      <Field label={t("runs.inputsOfNode")} error={error ?? undefined}>
        <textarea
          className={controls.input}
          rows={Math.min(before.split("\n").length + 1, 14)}
          value={text}
          readOnly={!mayChange}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      {mayChange && (
        <div className={css.row}>
          <p className={css.soft}>{count > 0 && t("runs.inputsEdited", { names: Object.keys(changed).join(", ") })}</p>
          <Button disabled={busy || error !== null || count === 0} onClick={() => onContinue({ inputs: changed })}>
            {t("runs.continueWithInputs")}
          </Button>
        </div>
      )}
    </>
  );
}

function Result({ busy, onContinue }: Pick<Props, "busy" | "onContinue">) {
  const [text, setText] = useState("");
  const { value, fault } = parse(text);
  return (
    <details className={css.result}>
      <summary>{t("runs.setResult")}</summary>
      <Field label={t("runs.result")} help={t("runs.setResultHelp")} error={text ? (fault ?? undefined) : undefined}>
        <textarea
          className={controls.input}
          rows={3}
          value={text}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      <div className={css.row}>
        <span />
        <Button disabled={busy || value === undefined} onClick={() => onContinue({ result: value as Json })}>
          {t("runs.continueWithResult")}
        </Button>
      </div>
    </details>
  );
}

function parse(text: string): { value?: Json; fault?: string } {
  try {
    return { value: parseJson(text) as Json };
  } catch (error) {
    return { fault: t("runs.invalidJson", { error: (error as Error).message }) };
  }
}

/** Return the inputs that were changed or added. Inputs that are left out stay unchanged. */
function changedInputs(before: Tree, after: Tree): Tree {
  const members = Object.entries(after).filter(
    ([name, value]) => !(name in before) || JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  return Object.fromEntries(members);
}
