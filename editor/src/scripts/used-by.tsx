import { useQuery } from "@tanstack/react-query";
import { referencesQuery } from "../api/references";
import { References } from "../references/references";
import { t } from "../texts/scripts";
import css from "../ui/panel.module.css";
import { Empty } from "../ui/states";
import { useScript, useScriptStore } from "./store";

/** Panel of everything that uses the script. */
export function UsedByPanel() {
  const { workspace, path } = useScriptStore().getState();
  const isDeployed = useScript((editor) => editor.deployed !== null);
  const { data } = useQuery({ ...referencesQuery(workspace, "script", path), enabled: isDeployed });
  if (!isDeployed || (data && data.references.length + data.hidden === 0)) {
    return (
      <Empty title={t("scripts.unused")}>
        <p>{t("scripts.unusedHint", { path })}</p>
      </Empty>
    );
  }
  return (
    <section className={css.pane} aria-label={t("scripts.tabUses")}>
      <References workspace={workspace} kind="script" path={path} />
    </section>
  );
}
