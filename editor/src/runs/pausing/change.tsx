import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type PausedNode, pausedQuery, type With } from "../../api/pauses";
import { Button, Field } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Failed, Skeleton } from "../../ui/states";
import { isTree, type Json, type Tree } from "../../workflow/types";
import { useRun } from "../context";
import css from "./pausing.module.css";

/** What stands in the place of a secret. */
const MASK = "***";
const MASKED = `${MASK} stands for a secret. Leave that input as it is, or name the secret: $var:path.`;

interface Props {
  paused: PausedNode;
  /** Whether other values may be given. */
  may: boolean;
  busy: boolean;
  goOn: (given: With) => void;
}

/** What a paused node would get, to look at and to change, and a result in the place of its own. */
export function Change({ paused, may, busy, goOn }: Props) {
  const { workspace, id: run } = useRun();
  const looked = useQuery({ ...pausedQuery(workspace, run, paused.job), enabled: paused.takes_inputs });
  // A failed refetch leaves the form, with what is written in it, in place.
  if (looked.isLoadingError) return <Failed error={looked.error} retry={() => void looked.refetch()} />;
  if (paused.takes_inputs && !looked.data) return <Skeleton rows={3} />;
  return (
    <>
      {paused.takes_inputs && looked.data?.error && <p className={css.threw}>No inputs: {looked.data.error}</p>}
      {paused.takes_inputs && !looked.data?.error && (
        <Inputs given={(looked.data?.inputs ?? {}) as Tree} may={may} busy={busy} goOn={goOn} />
      )}
      {may && paused.takes_result && <Result busy={busy} goOn={goOn} />}
    </>
  );
}

function Inputs({ given, may, busy, goOn }: { given: Tree } & Omit<Props, "paused">) {
  const before = JSON.stringify(given, null, 2);
  const [text, setText] = useState(before);
  const { value, fault } = read(text);
  const changed = value !== undefined && isTree(value) ? changedOf(given, value) : {};
  const masked = JSON.stringify(changed).includes(MASK) ? MASKED : null;
  const wrong =
    fault ?? (value !== undefined && !isTree(value) ? "Write an object: the inputs by their names." : masked);
  const count = Object.keys(changed).length;
  return (
    <>
      <Field label="Inputs that it would get" fault={wrong ?? undefined}>
        <textarea
          className={controls.input}
          rows={Math.min(before.split("\n").length + 1, 14)}
          value={text}
          readOnly={!may}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      {may && (
        <div className={css.row}>
          <p className={css.soft}>{count > 0 && `Changed: ${Object.keys(changed).join(", ")}`}</p>
          <Button disabled={busy || wrong !== null || count === 0} onClick={() => goOn({ inputs: changed })}>
            Continue with these inputs
          </Button>
        </div>
      )}
    </>
  );
}

function Result({ busy, goOn }: Pick<Props, "busy" | "goOn">) {
  const [text, setText] = useState("");
  const { value, fault } = read(text);
  return (
    <details className={css.result}>
      <summary>A result instead</summary>
      <Field label="Result" help="JSON. The node does not run." fault={text ? (fault ?? undefined) : undefined}>
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
        <Button disabled={busy || value === undefined} onClick={() => goOn({ result: value as Json })}>
          Continue with this result
        </Button>
      </div>
    </details>
  );
}

function read(text: string): { value?: Json; fault?: string } {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { fault: `This is not JSON: ${(error as Error).message}` };
  }
}

/** The members that are other ones than before. What is left out stays as it is. */
function changedOf(before: Tree, after: Tree): Tree {
  const members = Object.entries(after).filter(
    ([name, value]) => !(name in before) || JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  return Object.fromEntries(members);
}
