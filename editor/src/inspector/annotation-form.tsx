import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { t } from "../texts/inspector";
import { Field, Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { groupsOf, setGroup } from "../workflow/groups";
import { COLOURS, notesOf, setNote } from "../workflow/notes";

/** Return true if the selected item is a note or a group. */
export const isAnnotation = (key: string): boolean => key.startsWith("note:") || key.startsWith("group:");

/** The form of a note or a group. */
export function AnnotationForm({ chosen: selected }: { chosen: string }) {
  return selected.startsWith("note:") ? <NoteForm chosen={selected} /> : <GroupForm chosen={selected} />;
}

function NoteForm({ chosen }: { chosen: string }) {
  const store = useEditorStore();
  const tree = useEditor((editor) => editor.tree);
  const note = notesOf(tree).find((each) => each.key === chosen);
  if (!note) return null;
  const set = (key: "text" | "color", value: string) =>
    attempt(() => apply(store, () => setNote(note, key, value), `${chosen}.${key}`));
  return (
    <div className={css.pane}>
      <div className={css.head}>
        <Icon name="note" size={18} />
        <h2>{t("inspector.note")}</h2>
        <ActionButton name="duplicate" />
        <ActionButton name="delete" />
      </div>
      <Field label={t("inspector.text")}>
        <textarea
          className={css.textarea}
          data-field="note"
          rows={8}
          value={note.text}
          onChange={(event) => set("text", event.target.value)}
        />
      </Field>
      <ColourField value={note.color} set={(value) => set("color", value)} />
    </div>
  );
}

function GroupForm({ chosen }: { chosen: string }) {
  const store = useEditorStore();
  const tree = useEditor((editor) => editor.tree);
  const graph = useEditor((editor) => editor.graph);
  const group = groupsOf(tree, graph).find((each) => each.key === chosen);
  if (!group) return null;
  const set = (key: "summary" | "note" | "color", value: string) =>
    attempt(() => apply(store, () => setGroup(group, { [key]: value }), `${chosen}.${key}`));
  return (
    <div className={css.pane}>
      <div className={css.head}>
        <Icon name="group" size={18} />
        <h2>{t("inspector.group")}</h2>
        <ActionButton name="ungroup" />
      </div>
      <Field label={t("ui.name")}>
        <Input data-field="group" value={group.summary} onChange={(event) => set("summary", event.target.value)} />
      </Field>
      <Field label={t("ui.description")}>
        <textarea
          className={css.textarea}
          rows={4}
          value={group.note}
          onChange={(event) => set("note", event.target.value)}
        />
      </Field>
      <ColourField value={group.color} set={(value) => set("color", value)} />
      <p className={css.help}>{t("inspector.groupNodes", { nodes: group.ids.join(", ") })}</p>
    </div>
  );
}

const COLOUR_NAMES: Record<(typeof COLOURS)[number], string> = {
  yellow: t("inspector.yellow"),
  blue: t("inspector.blue"),
  green: t("inspector.green"),
  red: t("inspector.red"),
  grey: t("inspector.grey"),
};

function ColourField({ value, set }: { value: string; set: (value: string) => void }) {
  return (
    <fieldset className={css.swatches}>
      <legend className={css.label}>{t("inspector.colour")}</legend>
      {COLOURS.map((each) => (
        <label key={each} className={css.check}>
          <input type="radio" name="colour" checked={value === each} onChange={() => set(each)} />
          <span>{COLOUR_NAMES[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}
