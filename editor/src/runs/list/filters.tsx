import { useEffect, useRef, useState } from "react";
import { type RunFilter, WINDOWS } from "../../api/run-filter";
import { Button, Input } from "../../ui/controls";
import { Icon } from "../../ui/icon";
import { Select } from "../../ui/select";
import { activeFilters, type SetFilter, STATES, TRIGGERS } from "./filter";
import css from "./runs.module.css";

const PAUSE_MS = 250;

/** Text in the path: asked for once nothing has been typed for a moment. */
function Search({ text, put }: { text: string; put: SetFilter }) {
  const [typed, setTyped] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (next: string) => {
    setTyped(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      put({ q: next });
      setTyped(null);
    }, PAUSE_MS);
  };
  return (
    <Input
      type="search"
      className={css.search}
      aria-label="Search by path"
      placeholder="Search by path"
      value={typed ?? text}
      onChange={(event) => change(event.target.value)}
    />
  );
}

/** What narrows the list: fields to choose it, and a chip for each that can be taken away. */
export function Filters({ filter, put }: { filter: RunFilter; put: SetFilter }) {
  const narrowed = activeFilters(filter);
  return (
    <>
      <search className={css.fields}>
        <Search text={filter.text} put={put} />
        <Select aria-label="Add a state" value="" set={(next) => put({ state: [...filter.states, next].join(",") })}>
          <option value="">State</option>
          {STATES.filter((each) => !filter.states.includes(each)).map((each) => (
            <option key={each} value={each}>
              {each.replace("_", " ")}
            </option>
          ))}
        </Select>
        <Select aria-label="Trigger" value={filter.trigger} set={(next) => put({ trigger: next })}>
          <option value="">Any trigger</option>
          {[...new Set([...TRIGGERS, filter.trigger])].filter(Boolean).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
        <Select aria-label="Time" value={filter.last} set={(next) => put({ last: next, from: "", to: "" })}>
          {filter.from && <option value="">As chosen below</option>}
          {Object.entries(WINDOWS).map(([last, { name }]) => (
            <option key={last} value={last}>
              {name}
            </option>
          ))}
        </Select>
      </search>
      {narrowed.length > 0 && (
        <ul className={css.chips} aria-label="Filters">
          {narrowed.map(({ name, word, value }) => (
            <li key={name}>
              <button
                type="button"
                className={css.chip}
                aria-label={`Take away: ${word} ${value}`}
                onClick={() => put({ [name]: "" })}
              >
                <span className={css.word}>{word}</span> {value} <Icon name="cross" size={11} />
              </button>
            </li>
          ))}
          {narrowed.length > 1 && (
            <li>
              <Button look="quiet" onClick={() => put({ state: "", path: "", q: "", trigger: "", by: "" })}>
                Clear all
              </Button>
            </li>
          )}
        </ul>
      )}
    </>
  );
}
