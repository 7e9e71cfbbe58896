import { useEditor, useEditorStore } from "../editing/context";
import { Button, IconButton } from "../ui/controls";
import { shown } from "./keymap";
import { actionOf, labelOf, perform } from "./registry";

/** A button that is an action of the registry. */
export function ActionButton({ name, words = false, main = false }: { name: string; words?: boolean; main?: boolean }) {
  const store = useEditorStore();
  const action = actionOf(name);
  const enabled = useEditor(action.enabled);
  const label = useEditor((editor) => labelOf(action, editor));
  const key = action.keys[0];
  const title = key ? `${label} (${shown(key)})` : label;
  const given = { disabled: !enabled, icon: action.icon, title, onClick: () => perform(store, action) };
  if (!words) return <IconButton label={label} {...given} />;
  return (
    <Button look={main ? "main" : "plain"} {...given}>
      {label}
    </Button>
  );
}
