import { type FormEvent, useState } from "react";
import { t } from "../../texts/runs";
import { Button, Field, IconButton, Input } from "../../ui/controls";
import { Dialog, dialogCss } from "../../ui/dialog";
import panel from "../../ui/panel.module.css";
import { Select } from "../../ui/select";
import css from "./runs.module.css";
import { deleteView, savedViews, saveView } from "./saved-views";

interface Props {
  workspace: string;
  search: URLSearchParams;
  /** Show the view of a query. */
  show: (search: string) => void;
}

/** Choice of a saved view, and a button to save or delete the shown one. */
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
          aria-label={t("runs.savedViews")}
          value={shown?.name ?? ""}
          set={(next) => show(views.find((view) => view.name === next)?.search ?? "")}
        >
          <option value="">{t("runs.allRuns")}</option>
          {views.map((view) => (
            <option key={view.name}>{view.name}</option>
          ))}
        </Select>
      )}
      {shown ? (
        <IconButton
          label={t("runs.deleteView", { name: shown.name })}
          icon="trash"
          onClick={() => setViews(deleteView(workspace, shown.name))}
        />
      ) : (
        <Button icon="save" disabled={here === ""} onClick={() => setNaming(true)}>
          {t("runs.saveView")}
        </Button>
      )}
      {naming && (
        <Dialog title={t("runs.saveView")} close={() => setNaming(false)}>
          <form className={panel.inner} onSubmit={submit}>
            <Field label={t("ui.name")} help={t("runs.saveViewHelp")}>
              <Input value={name} maxLength={80} onChange={(event) => setName(event.target.value)} />
            </Field>
            <div className={dialogCss.foot}>
              <Button onClick={() => setNaming(false)}>{t("ui.cancel")}</Button>
              <Button look="main" type="submit" disabled={!name.trim()}>
                {t("ui.save")}
              </Button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}
