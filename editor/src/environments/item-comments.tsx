import { useState } from "react";
import { commentRequest, type Decision, type PlanEntry } from "../api/environments";
import { errorText } from "../lib/api-error";
import { t, tWith } from "../texts/environments";
import { Button, Field } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Time } from "../ui/time";
import { withCode } from "../ui/with-code";
import css from "./environments.module.css";
import { useChange } from "./use-change";

interface Props {
  workspace: string;
  /** Id of the request. */
  request: number;
  entry: PlanEntry;
  /** Comments about the item. */
  comments: readonly Decision[];
}

/** Comments about one item of a plan, beside its differences. */
export function ItemComments({ workspace, request, entry, comments }: Props) {
  const [text, setText] = useState("");
  const changing = useChange(workspace, () => setText(""));
  const { kind, path } = entry;
  const send = () => changing.mutate(() => commentRequest(workspace, request, text, { kind, path }));
  return (
    <div className={`${css.difference} ${css.form}`}>
      {comments.length > 0 && (
        <ul className={css.list} aria-label={t("environments.commentsOn", { path })}>
          {comments.map((each) => (
            <li key={`${each.created_at} ${each.username}`}>
              <div className={css.what}>
                {tWith("environments.commented", { time: <Time at={each.created_at} /> }, { user: each.username })}
                <div className={css.notes}>{each.comment}</div>
              </div>
            </li>
          ))}
        </ul>
      )}
      <Field label={t("environments.commentOn", { path })}>
        <textarea className={controls.input} rows={2} value={text} onChange={(event) => setText(event.target.value)} />
      </Field>
      {changing.isError && <p role="alert">{withCode(errorText(changing.error))}</p>}
      <div className={css.tools}>
        <Button disabled={changing.isPending || !text.trim()} onClick={send}>
          {t("environments.sendItemComment")}
        </Button>
      </div>
    </div>
  );
}
