import { Command } from "cmdk";
import { dialogCss as css, Dialog } from "./dialog";
import { Icon } from "./icon";
import { matching } from "./matching";

export interface Choices {
  heading: string;
  icon: string;
  items: readonly { value: string; says: string }[];
}

interface Props {
  title: string;
  placeholder: string;
  /** What is said where nothing is there to choose from. */
  none: string;
  groups: readonly Choices[];
  choose: (value: string) => void;
  close: () => void;
}

/** One thing of several lists, found by typing. */
export function ChooseDialog({ title, placeholder, none, groups, choose, close }: Props) {
  const empty = groups.every((group) => group.items.length === 0);
  return (
    <Dialog title={title} close={close}>
      <Command label={title} loop filter={matching}>
        <Command.Input placeholder={placeholder} />
        <Command.List>
          <Command.Empty>{empty ? none : "Nothing is called that."}</Command.Empty>
          {groups.map((group) => (
            <Command.Group key={group.heading} heading={group.items.length > 0 ? group.heading : undefined}>
              {group.items.map((item) => (
                <Command.Item
                  key={item.value}
                  value={item.value}
                  keywords={[item.says]}
                  onSelect={() => {
                    close();
                    choose(item.value);
                  }}
                >
                  <Icon name={group.icon} />
                  <span>{item.value}</span>
                  <span className={css.says}>{item.says}</span>
                </Command.Item>
              ))}
            </Command.Group>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
