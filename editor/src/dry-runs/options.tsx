import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { DryRunOptions } from "../api/dry-runs";
import { lastRuns } from "../api/runs";
import { testsQuery } from "../api/workflow-tests";
import { useEditor } from "../editor/context";
import { t } from "../texts/dry-runs";
import { Field } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";

export const DEFAULT_OPTIONS: DryRunOptions = { reads: false, run: null, test: null };

interface Props {
  options: DryRunOptions;
  set: (next: DryRunOptions) => void;
}

/** Options of a dry run: whether nodes that read are executed, and the origin of the answers of the others. */
export function DryRunOptionsForm({ options, set }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <details className={css.section} onToggle={({ currentTarget }) => setOpened(opened || currentTarget.open)}>
      <summary>{t("dry-runs.options")}</summary>
      <div className={css.inner}>
        <p className={css.help}>{t("dry-runs.help")}</p>
        <label className={css.check}>
          <input
            type="checkbox"
            checked={options.reads}
            onChange={({ currentTarget }) => set({ ...options, reads: currentTarget.checked })}
          />
          {t("dry-runs.reads")}
        </label>
        {opened && <Answers options={options} set={set} />}
      </div>
    </details>
  );
}

function Answers({ options, set }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const deployed = useEditor((editor) => editor.flow.version_id !== null);
  const tests = useQuery({ ...testsQuery(workspace, path), enabled: deployed });
  const runs = useQuery({ queryKey: ["last-runs", workspace, path], queryFn: () => lastRuns(workspace, path) });
  const last = runs.data?.[0];
  const chosen = options.test !== null ? `test ${options.test}` : options.run !== null ? `run ${options.run}` : "";
  const choose = (value: string) => {
    const [kind, name = ""] = value.split(" ");
    set({ ...options, run: kind === "run" ? name : null, test: kind === "test" ? name : null });
  };
  return (
    <Field label={t("dry-runs.answers")}>
      <Select value={chosen} set={choose}>
        <option value="">{t("dry-runs.samples")}</option>
        {last && <option value={`run ${last}`}>{t("dry-runs.lastRun")}</option>}
        {tests.data?.map(({ name }) => (
          <option key={name} value={`test ${name}`}>
            {t("dry-runs.ofTest", { name })}
          </option>
        ))}
      </Select>
    </Field>
  );
}
