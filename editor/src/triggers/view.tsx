import { useState } from "react";
import { useEditor } from "../editor/context";
import { t } from "../texts/triggers";
import { Input } from "../ui/controls";
import { HttpTriggers } from "./http-triggers";
import { NotDeployed, StartsNothing } from "./not-deployed";
import { Schedules } from "./schedules";
import css from "./triggers.module.css";
import { Webhook } from "./webhook";

/** Triggers of a workflow: webhook, schedules and HTTP triggers. */
export default function TriggersView() {
  const fresh = useEditor((editor) => editor.flow.version_id === null);
  const [wanted, setWanted] = useState("");
  if (fresh) return <NotDeployed />;
  return (
    <div className={css.view}>
      <StartsNothing />
      <Webhook />
      <Input
        className={css.search}
        type="search"
        aria-label={t("triggers.search")}
        placeholder={t("triggers.search")}
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <Schedules wanted={wanted} />
      <HttpTriggers wanted={wanted} />
    </div>
  );
}
