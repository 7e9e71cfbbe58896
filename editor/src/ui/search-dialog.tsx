import { type ChangeEvent, type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";
import { dialogCss as css, Dialog } from "./dialog";
import { Icon } from "./icon";
import { matchScore } from "./match-score";
import { takeTypedAhead } from "./typed-ahead";

/** A line of a list that is searched by typing. */
export interface Option {
  /** Unique in its group; compared with what is typed. */
  value: string;
  /** Further texts that are compared, with a lower score. */
  keywords?: string[];
  icon: string;
  iconSize?: number;
  name: string;
  /** Shown after the name. */
  detail?: ReactNode;
  disabled?: boolean;
  choose: () => void;
}

export interface OptionGroup {
  heading?: string;
  options: readonly Option[];
}

interface Props {
  title: string;
  hideTitle?: boolean;
  /** Name of the field and of the list; otherwise the title. */
  label?: string;
  placeholder: string;
  /** Shown if no option matches. */
  emptyText?: string;
  groups: readonly OptionGroup[];
  /** Score of a match; 0 hides the option. */
  score?: typeof matchScore;
  onType?: (typed: string) => void;
  /** Buttons below the list. */
  foot?: ReactNode;
  close: () => void;
}

/** Dialog to choose one option by typing: the best matches are first, the arrow keys select, Enter chooses. */
export function SearchDialog(props: Props) {
  const { title, hideTitle, label = title, placeholder, emptyText, close } = props;
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState(takeTypedAhead);
  const [position, setPosition] = useState(0);
  const groups = ranked(props.groups, typed, props.score ?? matchScore);
  const enabled = groups.flatMap((group) => group.options).filter((option) => !option.disabled);
  const selected = enabled[Math.min(position, enabled.length - 1)];
  const idOf = (option: Option) => `${id}-${enabled.indexOf(option)}`;

  const type = (event: ChangeEvent<HTMLInputElement>) => {
    setTyped(event.target.value);
    setPosition(0);
    list.current?.scrollTo(0, 0);
    props.onType?.(event.target.value);
  };
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") selected?.choose();
    const next = positionAfter(event, selected ? enabled.indexOf(selected) : 0, enabled.length);
    if (next !== null) {
      setPosition(next);
      document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: "nearest" });
    }
    if (event.key === "Enter" || next !== null) event.preventDefault();
  };
  return (
    <Dialog title={title} hideTitle={hideTitle} close={close}>
      <input
        className={css.search}
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded
        aria-autocomplete="list"
        aria-controls={id}
        aria-activedescendant={selected && idOf(selected)}
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={typed}
        onChange={type}
        onKeyDown={press}
      />
      <div className={css.options} role="listbox" id={id} aria-label={label} tabIndex={-1} ref={list}>
        {groups.length === 0 && emptyText && <div className={css.noOptions}>{emptyText}</div>}
        {groups.map((group) => (
          <Group key={group.heading ?? ""} heading={group.heading}>
            {group.options.map((option) => (
              <OptionLine
                key={option.value}
                id={option.disabled ? undefined : idOf(option)}
                option={option}
                isSelected={option === selected}
                select={() => setPosition(enabled.indexOf(option))}
              />
            ))}
          </Group>
        ))}
      </div>
      {props.foot && <div className={css.foot}>{props.foot}</div>}
    </Dialog>
  );
}

function Group({ heading, children }: { heading: string | undefined; children: ReactNode }) {
  if (!heading) return children;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no group of a list
    <div role="group" aria-label={heading}>
      <div className={css.heading} aria-hidden>
        {heading}
      </div>
      {children}
    </div>
  );
}

interface LineProps {
  id: string | undefined;
  option: Option;
  isSelected: boolean;
  select: () => void;
}

function OptionLine({ id, option, isSelected, select }: LineProps) {
  const { disabled, choose } = option;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field
    <div
      className={css.option}
      role="option"
      id={id}
      tabIndex={-1}
      aria-selected={isSelected}
      aria-disabled={disabled}
      onPointerMove={disabled || isSelected ? undefined : select}
      onClick={disabled ? undefined : choose}
    >
      <Icon name={option.icon} size={option.iconSize} />
      <span>{option.name}</span>
      {option.detail}
    </div>
  );
}

/** Return the options that match, the best ones and their groups first. */
function ranked(groups: readonly OptionGroup[], typed: string, score: typeof matchScore): OptionGroup[] {
  const scored = groups.map(({ heading, options }) => {
    const found = options
      .map((option) => ({ option, score: score(option.value, typed, option.keywords) }))
      .filter((each) => each.score > 0)
      .sort((a, b) => b.score - a.score);
    return { heading, best: found[0]?.score ?? 0, options: found.map((each) => each.option) };
  });
  return scored.filter((group) => group.options.length > 0).sort((a, b) => b.best - a.best);
}

/** Return the position that a key selects, null for keys that select nothing. The ends of the list are joined. */
function positionAfter(event: KeyboardEvent, position: number, count: number): number | null {
  if (count === 0) return null;
  const isControl = event.ctrlKey && !event.metaKey;
  if (event.key === "ArrowDown" || (isControl && /^[nj]$/.test(event.key))) return (position + 1) % count;
  if (event.key === "ArrowUp" || (isControl && /^[pk]$/.test(event.key))) return (position + count - 1) % count;
  if (event.key === "Home") return 0;
  return event.key === "End" ? count - 1 : null;
}
