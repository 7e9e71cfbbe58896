import { useEditorStore } from "../editor/context";
import { Menu, type MenuItem } from "../ui/menu";
import { formatChord } from "./keymap";
import { actionOf, isEnabled, isOffered, labelOf, perform } from "./registry";

interface Props {
  label: string;
  at: { x: number; y: number };
  /** Names of actions of the registry, in groups. */
  groups: readonly (readonly string[])[];
  /** Items of the page that are not actions, as the last group. */
  more?: readonly MenuItem[];
  /** Leave out disabled actions. */
  enabledOnly?: boolean;
  close: () => void;
}

/** Menu of actions of the registry. */
export function ActionMenu({ label, at, groups, more = [], enabledOnly = false, close }: Props) {
  const store = useEditorStore();
  const item = (name: string) => {
    const action = actionOf(name);
    const [key] = action.keys;
    return {
      label: labelOf(action, store.getState()),
      icon: action.icon,
      keys: key && formatChord(key),
      disabled: !isEnabled(action, store.getState()),
      run: () => perform(store, action),
    };
  };
  const shown = groups.map((group) =>
    group
      .filter((name) => isOffered(actionOf(name), store.getState()))
      .map(item)
      .filter((each) => !enabledOnly || !each.disabled),
  );
  return <Menu label={label} at={at} groups={[...shown, more]} close={close} />;
}
