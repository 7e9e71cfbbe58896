import { ControlButton } from "@xyflow/react";
import { formatChord } from "../actions/keymap";
import { actionOf, labelOf, perform } from "../actions/registry";
import { useEditorStore } from "../editor/context";
import { Icon } from "../ui/icon";

/** Button of a view action on the canvas. Tab skips it, as the action has a key. */
export function ViewControl({ name }: { name: string }) {
  const store = useEditorStore();
  const action = actionOf(name);
  const label = labelOf(action, store.getState());
  const [key = ""] = action.keys;
  return (
    <ControlButton
      aria-label={label}
      title={`${label} (${formatChord(key)})`}
      tabIndex={-1}
      onClick={() => perform(store, action)}
    >
      <Icon name={action.icon} size={14} />
    </ControlButton>
  );
}
