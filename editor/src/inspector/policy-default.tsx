import { useEditor } from "../editor/context";
import { t } from "../texts/inspector";
import css from "../ui/panel.module.css";
import { at, type Json, type Path } from "../workflow/types";
import { jsonPointer } from "./use-sources";

const shown = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The value that a policy gives to the field at a path, if the field is absent. */
export function FieldDefault({ path }: { path: Path }) {
  const defaults = useEditor((editor) => editor.defaults);
  const pointer = jsonPointer(path);
  const found = defaults.find((each) => pointer === each.path || pointer.startsWith(`${each.path}/`));
  if (!found) return null;
  const depth = found.path.split("/").length - 1;
  const value = at({ "": found.value as Json }, ["", ...path.slice(depth)]);
  if (value === undefined) return null;
  return <p className={css.help}>{t("inspector.policyDefault", { value: shown(value), policy: found.policy })}</p>;
}

/** The values that policies give to absent settings of the workflow. */
export function WorkflowDefaults() {
  const defaults = useEditor((editor) => editor.defaults).filter((each) => each.node === null);
  if (defaults.length === 0) return null;
  return (
    <section className={css.section}>
      <h3>{t("inspector.policyDefaults")}</h3>
      {defaults.map(({ field, value, policy }) => (
        <p key={field} className={css.help}>
          {t("inspector.policyDefaultOf", { field, value: shown(value as Json), policy })}
        </p>
      ))}
    </section>
  );
}
