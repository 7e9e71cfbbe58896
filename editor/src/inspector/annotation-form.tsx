import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { Field, Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { groupsOf, setGroup } from "../workflow/groups";
import { COLOURS, notesOf, setNote } from "../workflow/notes";

/** Whether what is selected stands beside the nodes: a note or a frame. */
export const isAnnotation = (key: string): boolean => key.startsWith("note:") || key.startsWith("group:");

/** The form of a note or a frame. */
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
        <h2>Sticky note</h2>
        <ActionButton name="duplicate" />
        <ActionButton name="delete" />
      </div>
      <Field label="Text">
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
        <h2>Group</h2>
        <ActionButton name="ungroup" />
      </div>
      <Field label="Name">
        <Input data-field="group" value={group.summary} onChange={(event) => set("summary", event.target.value)} />
      </Field>
      <Field label="What it is for">
        <textarea
          className={css.textarea}
          rows={4}
          value={group.note}
          onChange={(event) => set("note", event.target.value)}
        />
      </Field>
      <ColourField value={group.color} set={(value) => set("color", value)} />
      <p className={css.help}>Holds {group.ids.join(", ")}.</p>
    </div>
  );
}

function ColourField({ value, set }: { value: string; set: (value: string) => void }) {
  return (
    <fieldset className={css.swatches}>
      <legend className={css.label}>Colour</legend>
      {COLOURS.map((each) => (
        <label key={each} className={css.check}>
          <input type="radio" name="colour" checked={value === each} onChange={() => set(each)} />
          <span>{each}</span>
        </label>
      ))}
    </fieldset>
  );
}
