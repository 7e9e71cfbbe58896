import { useReceivedInputs } from "../../editor/node-inputs";
import { t } from "../../texts/runs";
import { Skeleton } from "../../ui/states";
import type { IterationNumbers } from "../../workflow/received-inputs";
import type { Json } from "../../workflow/types";
import { useRun } from "../context";
import css from "./data.module.css";
import { JsonTree } from "./json-tree";

interface Props {
  id: string;
  status: string;
  word: string;
  places?: IterationNumbers;
}

/** Inputs that a node received, and the expressions that they were computed from. */
export function NodeInput({ id, status, word, places }: Props) {
  const { id: run } = useRun();
  const { values, expressions, empty, loading } = useReceivedInputs(run, id, status, places);
  if (loading) return <Skeleton rows={2} />;
  if (empty) return <p className={css.empty}>{t("runs.noInputs")}</p>;
  const known = Object.keys(values ?? {}).length > 0;
  const unknown = expressions.filter((each) => values && each.unknown).map((each) => each.name);
  return (
    <div data-value={`Input of ${id}`}>
      {known && <JsonTree value={values as Json} word={word} />}
      {unknown.length > 0 && <p className={css.empty}>{t("runs.unknownInputs", { names: unknown.join(", ") })}</p>}
      {expressions.length > 0 && (
        <details className={css.expressions} open={!known}>
          <summary>{t("runs.expressions")}</summary>
          {expressions.map(({ name, expr }) => (
            <div key={name}>
              <code>
                {name} = {expr}
              </code>
            </div>
          ))}
        </details>
      )}
    </div>
  );
}
