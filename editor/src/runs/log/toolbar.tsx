import { type ReactNode, type Ref, useEffect, useMemo, useState } from "react";
import { debounce } from "../../lib/debounce";
import { t } from "../../texts/runs";
import { Button, IconButton, Input } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Icon } from "../../ui/icon";
import { Select } from "../../ui/select";
import type { Filter } from "./levels";
import css from "./log.module.css";
import type { LogBuffer } from "./log-buffer";

const PAUSE_MS = 120;
const FILTERS: [Filter, string][] = [
  ["all", t("runs.allLines")],
  ["warnings", t("runs.warningsAndErrors")],
  ["errors", t("runs.errors")],
  ["platform", t("runs.platformMessages")],
];

interface Props {
  reading: LogBuffer;
  follows: boolean;
  setFollows: (yes: boolean) => void;
  wraps: boolean;
  setWraps: (yes: boolean) => void;
  timed: boolean;
  setTimed: (yes: boolean) => void;
  download: string;
  current: number | null;
  step: (by: 1 | -1) => void;
  clearCurrent: () => void;
  find: Ref<HTMLInputElement>;
  children?: ReactNode;
}

/** Filter, search, view options and download of a log. */
export function LogToolbar(props: Props) {
  const { reading, follows, setFollows, wraps, setWraps, timed, setTimed, download, clearCurrent, children } = props;
  return (
    <div className={css.bar}>
      {children}
      <Select
        aria-label={t("runs.logLevel")}
        title={t("runs.logLevelHint")}
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
          title={t("runs.followHint")}
          onClick={() => setFollows(!follows)}
        >
          {t("runs.follow")}
        </Button>
        <Button
          look={wraps ? "main" : "plain"}
          aria-pressed={wraps}
          title={t("runs.wrapHint")}
          onClick={() => setWraps(!wraps)}
        >
          {t("runs.wrap")}
        </Button>
        <Button
          look={timed ? "main" : "plain"}
          aria-pressed={timed}
          title={t("runs.showTimesHint")}
          onClick={() => setTimed(!timed)}
        >
          {t("runs.showTimes")}
        </Button>
        <a className={`${controls.button} ${css.download}`} data-look="plain" href={download} download>
          <Icon name="deploy" />
          {t("runs.download")}
        </a>
      </span>
      {!reading.connected && !reading.ended && (
        <span className={css.connectionLost} role="status">
          <Icon name="warn" size={14} /> {t("runs.connectionLost")}
        </span>
      )}
    </div>
  );
}

/** Search field with the number of matches and buttons to move between them. */
function SearchField({ reading, current, step, clearCurrent, find }: Props) {
  const [words, setWords] = useState(reading.query);
  const search = useMemo(() => {
    const query = { words: "" };
    const work = debounce(PAUSE_MS, () => reading.setQuery(query.words));
    return {
      set: (next: string) => {
        query.words = next;
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
        aria-label={t("runs.findInLog")}
        placeholder={t("runs.find")}
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
        {reading.query &&
          (hits.length === 0
            ? t("ui.noMatches")
            : t("runs.matchOf", { current: current === null ? "–" : current + 1, count: hits.length }))}
      </span>
      <IconButton label={t("runs.previousMatch")} icon="up" disabled={hits.length === 0} onClick={() => step(-1)} />
      <IconButton label={t("runs.nextMatch")} icon="down" disabled={hits.length === 0} onClick={() => step(1)} />
    </search>
  );
}
