import { useEditor, useEditorStore } from "../editor/context";
import { Button, IconButton } from "../ui/controls";
import type { Action } from "./action";
import { formatChord } from "./keymap";
import { actionOf, isOffered, labelOf, perform } from "./registry";

/** Return a tooltip with the first key of an action. */
export function keyed(label: string, { keys: [key] }: Action): string {
  return key ? `${label} (${formatChord(key)})` : label;
}

/** Button of an action of the registry; nothing where the page does not offer the action. */
export function ActionButton({
  name,
  words: labelled = false,
  main: primary = false,
  pressed,
}: {
  name: string;
  words?: boolean;
  main?: boolean;
  /** State of a button that switches something on and off. */
  pressed?: boolean;
}) {
  const store = useEditorStore();
  const action = actionOf(name);
  const offered = useEditor((editor) => isOffered(action, editor));
  const enabled = useEditor(action.enabled);
  const refusal = useEditor((editor) => action.refusal?.(editor));
  const label = useEditor((editor) => labelOf(action, editor));
  const title = refusal ?? keyed(label, action);
  const props = {
    disabled: !enabled || refusal !== undefined,
    icon: action.icon,
    title,
    onClick: () => perform(store, action),
  };
  if (!offered) return null;
  if (!labelled) return <IconButton label={label} aria-pressed={pressed} {...props} />;
  return (
    <Button look={primary ? "main" : "plain"} {...props}>
      {label}
    </Button>
  );
}
