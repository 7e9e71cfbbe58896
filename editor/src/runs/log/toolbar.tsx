import { type ReactNode, type Ref, useEffect, useMemo, useState } from "react";
import { debounce } from "../../lib/debounce";
import { Button, IconButton, Input } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Icon } from "../../ui/icon";
import { Select } from "../../ui/select";
import type { Filter } from "./levels";
import css from "./log.module.css";
import type { LogBuffer } from "./log-buffer";

const PAUSE_MS = 120;
const FILTERS: [Filter, string][] = [
  ["all", "Every line"],
  ["warnings", "Warnings and errors"],
  ["errors", "Errors"],
  ["platform", "Lines of the platform"],
];

interface Props {
  reading: LogBuffer;
  follows: boolean;
  setFollows: (yes: boolean) => void;
  wraps: boolean;
  setWraps: (yes: boolean) => void;
  download: string;
  current: number | null;
  step: (by: 1 | -1) => void;
  clearCurrent: () => void;
  find: Ref<HTMLInputElement>;
  children?: ReactNode;
}

/** What one can do with a log. */
export function LogToolbar(props: Props) {
  const { reading, follows, setFollows, wraps, setWraps, download, clearCurrent, children } = props;
  return (
    <div className={css.bar}>
      {children}
      <Select
        aria-label="Which lines"
        title="By what each line says of itself: ERROR, WARNING, a traceback …"
        value={reading.filter}
        set={(next) => {
          clearCurrent();
          reading.setFilter(next as Filter);
        }}
      >
        {FILTERS.map(([filter, title]) => (
          <option key={filter} value={filter}>
            {title}
          </option>
        ))}
      </Select>
      <SearchField {...props} />
      <span className={css.toggles}>
        <Button
          look={follows ? "main" : "plain"}
          icon="down"
          aria-pressed={follows}
          title="Keep the end in sight (f)"
          onClick={() => setFollows(!follows)}
        >
          Follow
        </Button>
        <Button
          look={wraps ? "main" : "plain"}
          aria-pressed={wraps}
          title="Break long lines (w)"
          onClick={() => setWraps(!wraps)}
        >
          Wrap
        </Button>
        <a className={`${controls.button} ${css.download}`} data-look="plain" href={download} download>
          <Icon name="deploy" />
          Download
        </a>
      </span>
      {!reading.connected && !reading.ended && (
        <span className={css.connectionLost} role="status">
          <Icon name="warn" size={14} /> The server is not heard; it is tried again.
        </span>
      )}
    </div>
  );
}

/** The words that are looked for, how often they are there, and the way from one to the next. */
function SearchField({ reading, current, step, clearCurrent, find }: Props) {
  const [words, setWords] = useState(reading.query);
  const search = useMemo(() => {
    const asked = { words: "" };
    const work = debounce(PAUSE_MS, () => reading.setQuery(asked.words));
    return {
      set: (next: string) => {
        asked.words = next;
        work.soon();
      },
      now: work.flush,
      cancel: work.cancel,
    };
  }, [reading]);
  useEffect(() => search.cancel, [search]);
  const { hits } = reading;
  return (
    <search className={css.find}>
      <Input
        ref={find}
        type="search"
        aria-label="Find in the log"
        placeholder="Find (/)"
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          clearCurrent();
          search.set(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          search.now();
          step(event.shiftKey ? -1 : 1);
        }}
      />
      <span className={css.count} role="status">
        {reading.query && (hits.length === 0 ? "none" : `${current === null ? "–" : current + 1} of ${hits.length}`)}
      </span>
      <IconButton label="The place before" icon="up" disabled={hits.length === 0} onClick={() => step(-1)} />
      <IconButton label="The next place" icon="down" disabled={hits.length === 0} onClick={() => step(1)} />
    </search>
  );
}
