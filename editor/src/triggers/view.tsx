import { useState } from "react";
import { useEditor } from "../editor/context";
import { Input } from "../ui/controls";
import { Empty } from "../ui/states";
import { Routes } from "./routes";
import { Schedules } from "./schedules";
import css from "./triggers.module.css";
import { Webhook } from "./webhook";

/** What starts a workflow: its URL, schedules, routes of one's own. */
export default function TriggersView() {
  const fresh = useEditor((editor) => editor.flow.version_id === null);
  const [wanted, setWanted] = useState("");
  if (fresh) {
    return (
      <Empty title="Deploy it first">
        <p>A URL, schedules and HTTP routes start what is deployed. The first version opens them.</p>
      </Empty>
    );
  }
  return (
    <div className={css.view}>
      <Webhook />
      <Input
        className={css.search}
        type="search"
        aria-label="Search schedules and routes"
        placeholder="Search schedules and routes"
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <Schedules wanted={wanted} />
      <Routes wanted={wanted} />
    </div>
  );
}
