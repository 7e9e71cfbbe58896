import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Continuation, type PausedNode, pausedQuery } from "../../api/breakpoints";
import { Button, Field } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Failed, Skeleton } from "../../ui/states";
import { isTree, type Json, type Tree } from "../../workflow/types";
import { useRun } from "../context";
import css from "./breakpoints.module.css";

/** What stands in the place of a secret. */
const MASK = "***";
const MASK_ERROR = `${MASK} stands for a secret. Leave that input as it is, or name the secret: $var:path.`;

interface Props {
  paused: PausedNode;
  /** Whether other values may be given. */
  mayChange: boolean;
  busy: boolean;
  onContinue: (given: Continuation) => void;
}

/** What a paused node would get, to look at and to change, and a result in the place of its own. */
export function PausedValues({ paused, mayChange, busy, onContinue }: Props) {
  const { workspace, id: run } = useRun();
  const preview = useQuery({ ...pausedQuery(workspace, run, paused.job), enabled: paused.takes_inputs });
  // A failed refetch leaves the form, with what is written in it, in place.
  if (preview.isLoadingError) return <Failed error={preview.error} retry={() => void preview.refetch()} />;
  if (paused.takes_inputs && !preview.data) return <Skeleton rows={3} />;
  return (
    <>
      {paused.takes_inputs && preview.data?.error && <p className={css.error}>No inputs: {preview.data.error}</p>}
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
  const error =
    fault ?? (value !== undefined && !isTree(value) ? "Write an object: the inputs by their names." : masked);
  const count = Object.keys(changed).length;
  return (
    <>
      <Field label="Inputs that it would get" error={error ?? undefined}>
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
          <p className={css.soft}>{count > 0 && `Changed: ${Object.keys(changed).join(", ")}`}</p>
          <Button disabled={busy || error !== null || count === 0} onClick={() => onContinue({ inputs: changed })}>
            Continue with these inputs
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
      <summary>A result instead</summary>
      <Field label="Result" help="JSON. The node does not run." error={text ? (fault ?? undefined) : undefined}>
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
          Continue with this result
        </Button>
      </div>
    </details>
  );
}

function parse(text: string): { value?: Json; fault?: string } {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { fault: `This is not JSON: ${(error as Error).message}` };
  }
}

/** The members that are other ones than before. What is left out stays as it is. */
function changedInputs(before: Tree, after: Tree): Tree {
  const members = Object.entries(after).filter(
    ([name, value]) => !(name in before) || JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  return Object.fromEntries(members);
}
