import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { t } from "../../texts/runs";
import { Button } from "../../ui/controls";
import { Empty, Skeleton } from "../../ui/states";
import { Row } from "./line-row";
import type { Owner } from "./lines";
import css from "./log.module.css";
import type { LogBuffer } from "./log-buffer";
import { LogToolbar } from "./toolbar";

const LINE_PX = 20;
const OVERSCAN = 30;
const END_DISTANCE_PX = 2 * LINE_PX;
const NARROW = "(max-width: 600px)";

interface Props {
  reading: LogBuffer;
  /** Show the node of each line. */
  named: boolean;
  /** Return the time, in milliseconds since 1970, from which the times of lines are counted. */
  startOf: (owner: Owner) => number;
  /** Address of the whole log as a file. */
  download: string;
  /** Read the lines after those in the buffer. */
  readOn: () => void;
  children?: ReactNode;
}

/** View of a log of any length. Only visible lines are rendered. */
export function LogView({ reading, named, startOf, download, readOn, children }: Props) {
  useSyncExternalStore(reading.subscribe, () => reading.version);
  const port = useRef<HTMLDivElement>(null);
  const find = useRef<HTMLInputElement>(null);
  const [follows, setFollows] = useState(true);
  const [wraps, setWraps] = useState(() => window.matchMedia(NARROW).matches);
  const [timed, setTimed] = useState(false);
  const [current, setCurrent] = useState<number | null>(null);
  const rows = useVirtualizer({
    count: reading.count,
    getScrollElement: () => port.current,
    estimateSize: () => LINE_PX,
    overscan: OVERSCAN,
  });
  const onScroll = useFollowEnd(port, rows, reading, follows, setFollows);
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines are of another height then
  useEffect(() => rows.measure(), [rows, wraps]);
  const goTo = useCallback(
    (hit: number) => {
      const place = reading.hits[hit];
      if (place === undefined) return;
      setCurrent(hit);
      setFollows(false);
      rows.scrollToIndex(place, { align: "center" });
    },
    [reading, rows],
  );
  const step = useCallback(
    (by: 1 | -1) => {
      const { hits } = reading;
      if (hits.length === 0) return;
      const seen = rows.range?.startIndex ?? 0;
      const nearest = Math.max(
        hits.findIndex((place) => place >= seen),
        0,
      );
      const from = current ?? (by === 1 ? nearest - 1 : nearest);
      goTo((from + by + hits.length) % hits.length);
    },
    [reading, rows, current, goTo],
  );
  const keys = (event: KeyboardEvent) => {
    const isFindKey = (event.ctrlKey || event.metaKey) && event.key === "f";
    const inField = event.target instanceof HTMLElement && event.target.matches("input, select");
    if (!isFindKey && (inField || event.ctrlKey || event.metaKey || event.altKey)) return;
    const done: Record<string, () => void> = {
      f: () => (isFindKey ? find.current?.select() : setFollows(!follows)),
      "/": () => find.current?.select(),
      w: () => setWraps(!wraps),
      n: () => step(event.shiftKey ? -1 : 1),
    };
    const work = done[event.key.toLowerCase()];
    if (!work) return;
    event.preventDefault();
    event.stopPropagation();
    work();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: handles keys of the elements inside
    <div className={css.view} onKeyDown={keys}>
      <LogToolbar
        {...{ reading, follows, setFollows, wraps, setWraps, timed, setTimed, download, current, step, find }}
        clearCurrent={() => setCurrent(null)}
      >
        {children}
      </LogToolbar>
      {reading.count === 0 ? (
        <EmptyLog reading={reading} />
      ) : (
        <div
          ref={port}
          className={css.port}
          role="log"
          aria-live="off"
          aria-label={t("runs.log")}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
          tabIndex={0}
          onScroll={onScroll}
        >
          <div className={css.lines} style={{ height: rows.getTotalSize() }} data-wraps={wraps}>
            {rows.getVirtualItems().map(({ index, start }) => (
              <Row
                key={index}
                reading={reading}
                place={index}
                start={start}
                named={named}
                startOf={timed ? startOf : null}
                current={current !== null && reading.hits[current] === index}
                measure={wraps ? rows.measureElement : null}
              />
            ))}
          </div>
        </div>
      )}
      {reading.full && (
        <p className={css.full} role="status">
          {t("runs.logContinues", { count: reading.lines.length })}
          <Button onClick={readOn}>{t("runs.nextLines")}</Button>
        </p>
      )}
    </div>
  );
}

/** Scroll to new lines while the log is followed. Scrolling up ends following, scrolling to the end starts it again. */
function useFollowEnd(
  port: { current: HTMLDivElement | null },
  rows: Virtualizer<HTMLDivElement, Element>,
  reading: LogBuffer,
  follows: boolean,
  setFollows: (yes: boolean) => void,
): () => void {
  const top = useRef(0);
  const { version, count } = reading;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are at the end
  useLayoutEffect(() => {
    if (follows && count > 0) rows.scrollToIndex(count - 1, { align: "end" });
  }, [follows, version, count, rows]);
  return () => {
    const shown = port.current;
    if (!shown) return;
    const left = shown.scrollHeight - shown.scrollTop - shown.clientHeight;
    if (left > END_DISTANCE_PX && shown.scrollTop < top.current) setFollows(false);
    else if (left <= 1 && shown.scrollTop > top.current) setFollows(true);
    top.current = shown.scrollTop;
  };
}

function EmptyLog({ reading }: { reading: LogBuffer }) {
  if (reading.lines.length > 0) return <Empty title={t("runs.noLinesMatch")} />;
  if (reading.ended) return <Empty title={t("runs.noOutput")} />;
  if (!reading.loaded) return <Skeleton rows={6} />;
  return (
    <Empty title={t("runs.noOutputYet")}>
      <p>{t("runs.noOutputYetHint")}</p>
    </Empty>
  );
}
