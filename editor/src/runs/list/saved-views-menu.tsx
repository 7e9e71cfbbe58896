import { type FormEvent, useState } from "react";
import { Button, Field, IconButton, Input } from "../../ui/controls";
import { Dialog, dialogCss } from "../../ui/dialog";
import { Select } from "../../ui/select";
import css from "./runs.module.css";
import { deleteView, savedViews, saveView } from "./saved-views";

interface Props {
  workspace: string;
  search: URLSearchParams;
  /** Shows what stands in an address. */
  show: (search: string) => void;
}

/** Views that were saved, to be shown again; and the one that is shown, to be saved. */
export function SavedViewsMenu({ workspace, search, show }: Props) {
  const [views, setViews] = useState(() => savedViews(workspace));
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const here = search.toString();
  const shown = views.find((view) => view.search === here);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return;
    setViews(saveView(workspace, { name: name.trim(), search: here }));
    setNaming(false);
    setName("");
  };
  return (
    <div className={css.views}>
      {views.length > 0 && (
        <Select
          aria-label="Saved views"
          value={shown?.name ?? ""}
          set={(next) => show(views.find((view) => view.name === next)?.search ?? "")}
        >
          <option value="">All runs</option>
          {views.map((view) => (
            <option key={view.name}>{view.name}</option>
          ))}
        </Select>
      )}
      {shown ? (
        <IconButton
          label={`Forget the view ${shown.name}`}
          icon="trash"
          onClick={() => setViews(deleteView(workspace, shown.name))}
        />
      ) : (
        <Button icon="save" disabled={here === ""} onClick={() => setNaming(true)}>
          Save view
        </Button>
      )}
      {naming && (
        <Dialog title="Save this view" close={() => setNaming(false)}>
          <form onSubmit={submit}>
            <Field label="Name" help="This browser keeps it. To show it to others, send them the address.">
              <Input value={name} maxLength={80} onChange={(event) => setName(event.target.value)} />
            </Field>
            <div className={dialogCss.foot}>
              <Button onClick={() => setNaming(false)}>Back</Button>
              <Button look="main" type="submit" disabled={!name.trim()}>
                Save
              </Button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}
