import { useState } from "react";
import { attempt } from "../actions/registry";
import { otherOrigin, useServerUrl } from "../api/server-url";
import { createRunToken, webhookUrl } from "../api/triggers";
import { useEditor } from "../editor/context";
import { t } from "../texts/triggers";
import { Button } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import { OtherOrigin } from "../ui/other-origin";
import { sampleInput } from "../workflow/example";
import { at } from "../workflow/types";
import { curl } from "./curl";
import { TestRequests } from "./test-requests";
import css from "./triggers.module.css";

/** Webhook URL of the workflow, and a token for its callers. */
export function Webhook() {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const readOnly = useEditor((editor) => editor.readOnly);
  const schema = useEditor((editor) => at(editor.tree, ["schema"]));
  const example = sampleInput(schema);
  const [waits, setWaits] = useState(false);
  const [token, setToken] = useState("");
  const serverUrl = useServerUrl(workspace);
  const url = webhookUrl(serverUrl, workspace, path, waits);
  return (
    <section className={css.section} aria-labelledby="webhook">
      <h2 id="webhook">{t("triggers.webhook")}</h2>
      <p className={css.help}>{t("triggers.webhookHint")}</p>
      <fieldset className={css.choices}>
        <legend>{t("triggers.response")}</legend>
        <label>
          <input type="radio" name="waits" checked={!waits} onChange={() => setWaits(false)} />{" "}
          {t("triggers.responseId")}
        </label>
        <label>
          <input type="radio" name="waits" checked={waits} onChange={() => setWaits(true)} />{" "}
          {t("triggers.responseResult")}
        </label>
      </fieldset>
      <CopyableCommand label={t("triggers.url")} text={url} />
      <OtherOrigin origin={otherOrigin(serverUrl)} url={serverUrl} />
      <CopyableCommand label={t("triggers.curl")} text={curl(url, { token, body: example })} />
      <div className={css.row}>
        <p className={css.help}>{token ? t("triggers.tokenShown") : t("triggers.tokenHint")}</p>
        <Button onClick={() => attempt(async () => setToken(await createRunToken(workspace, path)))}>
          {t("triggers.createToken")}
        </Button>
      </div>
      {token && <CopyableCommand label={t("triggers.token")} text={token} />}
      {!readOnly && <TestRequests kind="webhook" token={token} body={example} />}
    </section>
  );
}
