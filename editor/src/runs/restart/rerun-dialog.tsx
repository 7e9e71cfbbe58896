import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { rerun, schemaOfScript } from "../../api/restart";
import { fetchArgs } from "../../api/runs";
import { useEditor } from "../../editor/context";
import { InputForm } from "../../forms/input-form";
import { errorText } from "../../lib/api-error";
import { parseJson } from "../../lib/exact-number";
import { useNavigate } from "../../routing/hooks";
import { t } from "../../texts/runs";
import { Button, Field } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Dialog, dialogCss } from "../../ui/dialog";
import panel from "../../ui/panel.module.css";
import { Failed, Skeleton } from "../../ui/states";
import { notify } from "../../ui/toasts";
import { fieldNames } from "../../workflow/schema-fields";
import { at, isTree, type Tree } from "../../workflow/types";
import { useRun } from "../context";
import css from "./restart.module.css";

/** Dialog to run a workflow or script again, with the same or other inputs. */
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
  const before = isTree(args.data) ? args.data : {};
  const start = async (given: Tree, isUnchanged: boolean) => {
    setBusy(true);
    const isSame = isUnchanged && Object.keys(given).every((name) => Object.hasOwn(before, name));
    try {
      const made = await rerun(workspace, id, isSame ? null : given, latest);
      close();
      notify(t(latest ? "runs.rerunCurrent" : "runs.rerunSame"));
      await navigate(`/w/${workspace}/runs/${made}`);
    } catch (error) {
      setBusy(false);
      throw error;
    }
  };
  const schema = about.is_workflow ? flowSchema : (script.data ?? undefined);
  const ready = !args.isPending && (hash == null || !script.isPending);
  return (
    <Dialog title={t("runs.runAgain")} close={close}>
      {about.version && !about.version.current && (
        <label className={css.latest}>
          <input type="checkbox" checked={latest} onChange={(event) => setLatest(event.target.checked)} />
          {t("runs.useCurrentVersion", { number: about.version.number })}
        </label>
      )}
      {/* After a failed refetch the form stays, with its content. */}
      {args.isLoadingError && <Failed error={args.error} />}
      {!ready && <Skeleton rows={3} />}
      {ready && !args.isLoadingError && fieldNames(schema).length > 0 && (
        <InputForm
          schema={schema}
          busy={busy}
          initial={before}
          submitLabel={t("runs.runAgain")}
          run={start}
          cancel={close}
        />
      )}
      {ready && !args.isLoadingError && fieldNames(schema).length === 0 && (
        <JsonForm before={before} busy={busy} run={start} cancel={close} />
      )}
    </Dialog>
  );
}

interface JsonFormProps {
  before: Tree;
  busy: boolean;
  run: (args: Tree, isUnchanged: boolean) => Promise<void>;
  cancel: () => void;
}

/** Form of the inputs as JSON, for a run without a schema. */
function JsonForm({ before, busy, run, cancel }: JsonFormProps) {
  const [initial] = useState(() => JSON.stringify(before, null, 2));
  const [text, setText] = useState(initial);
  const [fault, setFault] = useState<string | undefined>();
  const submit = async () => {
    setFault(undefined);
    try {
      const value = parseJson(text);
      if (!isTree(value)) throw new Error(t("runs.inputsNotObject"));
      await run(value, text === initial);
    } catch (error) {
      setFault(errorText(error));
    }
  };
  return (
    <form
      className={panel.inner}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field label={t("runs.inputs")} help={t("runs.inputsHelp")} error={fault}>
        <textarea
          className={`${controls.input} ${css.json}`}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      <div className={dialogCss.foot}>
        <Button onClick={cancel}>{t("ui.cancel")}</Button>
        <Button look="main" icon="play" type="submit" disabled={busy}>
          {t("runs.runAgain")}
        </Button>
      </div>
    </form>
  );
}
