import { useEffect, useRef, useState } from "react";
import { NO_TESTS, type RunFilter, WINDOWS } from "../../api/run-filter";
import { t } from "../../texts/runs";
import { Button, Input } from "../../ui/controls";
import { Icon } from "../../ui/icon";
import { Select } from "../../ui/select";
import { triggerName } from "../trigger-name";
import { activeFilters, type SetFilter, stateChoice, TRIGGERS, withChoice } from "./filter";
import css from "./runs.module.css";

const PAUSE_MS = 250;

/** Search by text in the path. The request is sent after a pause in typing. */
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
      aria-label={t("runs.searchPath")}
      placeholder={t("runs.searchPath")}
      value={typed ?? text}
      onChange={(event) => change(event.target.value)}
    />
  );
}

/** Fields of the filter, and a chip for each active filter to remove it. `fixedPath`: only runs of one workflow are shown. */
export function Filters({ filter, put, fixedPath }: { filter: RunFilter; put: SetFilter; fixedPath: boolean }) {
  const choice = stateChoice(filter.states);
  const narrowed = activeFilters(filter).filter((each) => !fixedPath || each.name !== "path");
  return (
    <>
      <search className={css.fields}>
        {!fixedPath && <Search text={filter.text} put={put} />}
        <Select
          aria-label={t("runs.addStatus")}
          value={choice.selected}
          set={(next) => put({ state: withChoice(filter.states, next).join(",") })}
        >
          {choice.options.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
        <Select aria-label={t("runs.trigger")} value={filter.trigger} set={(next) => put({ trigger: next })}>
          <option value="">{t("runs.anyTrigger")}</option>
          {[...new Set([...TRIGGERS, filter.trigger])].filter(Boolean).map((each) => (
            <option key={each} value={each}>
              {triggerName(each)}
            </option>
          ))}
        </Select>
        <Select aria-label={t("runs.tests")} value={filter.tests ? "" : NO_TESTS} set={(next) => put({ tests: next })}>
          <option value="">{t("runs.withTests")}</option>
          <option value={NO_TESTS}>{t("runs.withoutTests")}</option>
        </Select>
        <Select
          aria-label={t("runs.timeRange")}
          value={filter.last}
          set={(next) => put({ last: next, from: "", to: "" })}
        >
          {filter.from && <option value="">{t("runs.customRange")}</option>}
          {Object.entries(WINDOWS).map(([last, { name }]) => (
            <option key={last} value={last}>
              {name}
            </option>
          ))}
        </Select>
      </search>
      {narrowed.length > 0 && (
        <ul className={css.chips} aria-label={t("runs.filters")}>
          {narrowed.map(({ name, word, value }) => (
            <li key={name}>
              <button
                type="button"
                className={css.chip}
                aria-label={t("runs.removeFilter", { name: word, value })}
                onClick={() => put({ [name]: "" })}
              >
                <span className={css.word}>{word}</span> {value} <Icon name="cross" size={11} />
              </button>
            </li>
          ))}
          {narrowed.length > 1 && (
            <li>
              <Button look="quiet" onClick={() => put({ state: "", path: "", q: "", trigger: "", by: "", tests: "" })}>
                {t("runs.clearFilters")}
              </Button>
            </li>
          )}
        </ul>
      )}
    </>
  );
}
