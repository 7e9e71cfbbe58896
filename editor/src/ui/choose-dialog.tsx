import { Command } from "cmdk";
import { t } from "../texts/t";
import { dialogCss as css, Dialog } from "./dialog";
import { Icon } from "./icon";
import { matchScore } from "./match-score";

export interface OptionGroup {
  heading: string;
  icon: string;
  items: readonly { value: string; description: string }[];
}

interface Props {
  title: string;
  placeholder: string;
  /** Shown if there are no options. */
  emptyText: string;
  groups: readonly OptionGroup[];
  choose: (value: string) => void;
  close: () => void;
}

/** Dialog to choose one option of several lists by typing. */
export function ChooseDialog({ title, placeholder, emptyText, groups, choose, close }: Props) {
  const empty = groups.every((group) => group.items.length === 0);
  return (
    <Dialog title={title} close={close}>
      <Command label={title} loop filter={matchScore}>
        <Command.Input placeholder={placeholder} />
        <Command.List>
          <Command.Empty>{empty ? emptyText : t("ui.noMatches")}</Command.Empty>
          {groups.map((group) => (
            <Command.Group key={group.heading} heading={group.items.length > 0 ? group.heading : undefined}>
              {group.items.map((item) => (
                <Command.Item
                  key={item.value}
                  value={item.value}
                  keywords={[item.description]}
                  onSelect={() => {
                    close();
                    choose(item.value);
                  }}
                >
                  <Icon name={group.icon} />
                  <span>{item.value}</span>
                  <span className={css.description}>{item.description}</span>
                </Command.Item>
              ))}
            </Command.Group>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
