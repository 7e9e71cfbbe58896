import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { rerun, schemaOfScript } from "../../api/restart";
import { fetchArgs } from "../../api/runs";
import { useEditor } from "../../editor/context";
import { InputForm } from "../../forms/input-form";
import { Button, Field } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Dialog } from "../../ui/dialog";
import { Failed, Skeleton } from "../../ui/states";
import { notify, notifyError } from "../../ui/toasts";
import { fieldNames } from "../../workflow/schema-fields";
import { at, isTree, type Tree } from "../../workflow/types";
import { useRun } from "../context";
import css from "./restart.module.css";

/** Runs again what ran, with other inputs if need be. */
export function RerunDialog({ close }: { close: () => void }) {
  const { workspace, id, about } = useRun();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [latest, setLatest] = useState(false);
  const flowSchema = useEditor((editor) => at(editor.tree, ["schema"]));
  const hash = about.script_hash;
  const args = useQuery({ queryKey: ["args", workspace, id], queryFn: () => fetchArgs(workspace, id) });
  const script = useQuery({
    queryKey: ["schema-of-script", workspace, hash],
    queryFn: () => schemaOfScript(workspace, hash ?? ""),
    enabled: hash != null,
  });
  const start = async (given: Tree) => {
    setBusy(true);
    try {
      const made = await rerun(workspace, id, given, latest);
      close();
      notify(latest ? "It runs again in the current version." : "It runs again in the same version.");
      await navigate(`/w/${workspace}/runs/${made}`);
    } catch (error) {
      setBusy(false);
      notifyError(error);
    }
  };
  const schema = about.is_workflow ? flowSchema : (script.data ?? undefined);
  const before = isTree(args.data ?? null) ? (args.data as Tree) : {};
  const ready = !args.isPending && (hash == null || !script.isPending);
  return (
    <Dialog title="Run again" close={close}>
      {about.version && !about.version.current && (
        <label className={css.latest}>
          <input type="checkbox" checked={latest} onChange={(event) => setLatest(event.target.checked)} />
          In the current version, not in version {about.version.number}
        </label>
      )}
      {/* A failed refetch leaves the form, with what is written in it, in place. */}
      {args.isLoadingError && <Failed error={args.error} />}
      {!ready && <Skeleton rows={3} />}
      {ready && !args.isLoadingError && fieldNames(schema).length > 0 && (
        <InputForm
          schema={schema}
          busy={busy}
          initial={before}
          submitLabel="Run again"
          run={(next) => void start({ ...before, ...next })}
        />
      )}
      {ready && !args.isLoadingError && fieldNames(schema).length === 0 && (
        <JsonForm before={before} busy={busy} run={(next) => void start(next)} />
      )}
    </Dialog>
  );
}

/** The inputs as JSON, where no schema names them. */
function JsonForm({ before, busy, run }: { before: Tree; busy: boolean; run: (args: Tree) => void }) {
  const [text, setText] = useState(() => JSON.stringify(before, null, 2));
  const [fault, setFault] = useState<string | undefined>();
  const submit = () => {
    try {
      const value = JSON.parse(text);
      if (!isTree(value)) throw new Error("The inputs are an object.");
      run(value);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Field label="Inputs" help="JSON: an object" error={fault}>
        <textarea
          className={`${controls.input} ${css.json}`}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      <Button look="main" icon="play" type="submit" disabled={busy}>
        Run again
      </Button>
    </form>
  );
}
