import { useState } from "react";
import { attempt } from "../actions/registry";
import { createRunToken, webhookUrl } from "../api/triggers";
import { useEditor } from "../editor/context";
import { Button } from "../ui/controls";
import { at } from "../workflow/types";
import { CopyableCommand } from "./command";
import { curl } from "./curl";
import css from "./triggers.module.css";

/** The URL that every workflow has, and a token for whoever calls it. */
export function Webhook() {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const example = useEditor((editor) => at(editor.tree, ["schema", "examples", 0]));
  const [waits, setWaits] = useState(false);
  const [token, setToken] = useState("");
  const url = webhookUrl(workspace, path, waits);
  return (
    <section className={css.section} aria-labelledby="webhook">
      <h2 id="webhook">Webhook</h2>
      <fieldset className={css.choices}>
        <legend>The call is answered</legend>
        <label>
          <input type="radio" name="waits" checked={!waits} onChange={() => setWaits(false)} /> at once, with the run's
          id
        </label>
        <label>
          <input type="radio" name="waits" checked={waits} onChange={() => setWaits(true)} /> at its end, with the
          result
        </label>
      </fieldset>
      <CopyableCommand label="URL" text={url} />
      <CopyableCommand label="As a command" text={curl(url, { token, body: example ?? {} })} />
      <div className={css.row}>
        <p className={css.help}>
          {token
            ? "This token is shown this once: copy it now. It starts this workflow, whose runs act for you with all your rights."
            : "Each caller needs a token. One made here starts this workflow, whose runs act for you with all your rights."}
        </p>
        <Button onClick={() => attempt(async () => setToken(await createRunToken(workspace, path)))}>
          Make a token
        </Button>
      </div>
      {token && <CopyableCommand label="Token" text={token} />}
    </section>
  );
}
