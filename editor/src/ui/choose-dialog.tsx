import type { ReactNode } from "react";
import { t } from "../texts/t";
import { dialogCss as css } from "./dialog";
import { SearchDialog } from "./search-dialog";

export interface ChoiceGroup {
  heading: string;
  icon: string;
  /** `name`: shown instead of the value. */
  items: readonly { value: string; description: string; name?: string }[];
}

interface Props {
  title: string;
  placeholder: string;
  /** Shown if there are no options. */
  emptyText: string;
  groups: readonly ChoiceGroup[];
  choose: (value: string) => void;
  /** Buttons below the lists. */
  foot?: ReactNode;
  close: () => void;
}

/** Dialog to choose one value of several lists by typing. */
export function ChooseDialog({ title, placeholder, emptyText, groups, choose, foot, close }: Props) {
  const empty = groups.every((group) => group.items.length === 0);
  const searched = groups.map(({ heading, icon, items }) => ({
    heading,
    options: items.map(({ value, description, name = value }) => ({
      value,
      keywords: [description, name],
      icon,
      name,
      detail: description && <span className={css.below}>{description}</span>,
      choose: () => {
        close();
        choose(value);
      },
    })),
  }));
  return (
    <SearchDialog
      title={title}
      placeholder={placeholder}
      emptyText={empty ? emptyText : t("ui.noMatches")}
      groups={searched}
      foot={foot}
      close={close}
    />
  );
}
