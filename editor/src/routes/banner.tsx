import { useState } from "react";
import { attempt } from "../actions/registry";
import { discardDraft, getDraft } from "../api/drafts";
import { useEditor, useEditorStore } from "../editing/context";
import { isChanged, replaceAll } from "../editing/store";
import { Button } from "../ui/controls";
import css from "./workflow.module.css";

/** What somebody must know of the draft: another page has saved it, or somebody has deployed since it was begun. */
export function Banner({ behind }: { behind: boolean }) {
  const store = useEditorStore();
  const conflict = useEditor((editor) => editor.draft.state === "conflict");
  const changed = useEditor(isChanged);
  const [hidden, setHidden] = useState(false);
  const place = () => {
    const { workspace, flow } = store.getState();
    return [workspace, flow.path] as const;
  };
  const theirs = async () => {
    const draft = await getDraft(...place());
    if (draft) replaceAll(store, draft.text, "Take the other page's draft");
    store.setState({ draft: { revision: draft?.revision ?? null, state: draft ? "saved" : "none" } });
  };
  const mine = async () => {
    const draft = await getDraft(...place());
    store.setState({ draft: { revision: draft?.revision ?? null, state: "unsaved" } });
  };
  const discard = async () => {
    await discardDraft(...place());
    replaceAll(store, store.getState().deployed, "Discard the draft");
    store.setState({ draft: { revision: null, state: "none" } });
  };
  if (conflict) {
    return (
      <div className={css.banner} role="alert">
        <span>Another page has saved this draft. Nothing of yours is lost: choose which one goes on.</span>
        <Button onClick={() => attempt(theirs)}>Take the other one</Button>
        <Button look="main" onClick={() => attempt(mine)}>
          Keep this one
        </Button>
      </div>
    );
  }
  if (behind && changed && !hidden) {
    return (
      <div className={css.banner} role="alert">
        <span>Somebody has deployed since this draft was begun. Deploying it goes over that version.</span>
        <Button onClick={() => setHidden(true)}>Go on with the draft</Button>
        <Button look="danger" onClick={() => attempt(discard)}>
          Discard the draft
        </Button>
      </div>
    );
  }
  return null;
}
