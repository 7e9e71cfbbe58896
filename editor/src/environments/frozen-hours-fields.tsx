import type { EnvironmentRules } from "../api/environments";
import { localTimeZone, timeZones, weekdays } from "../lib/time";
import { t } from "../texts/environments";
import { Button, Field, IconButton, Input } from "../ui/controls";
import css from "./environments.module.css";

type FrozenHours = NonNullable<EnvironmentRules["frozen_hours"]>;
type FrozenWindow = NonNullable<FrozenHours["windows"]>[number];
type Day = FrozenWindow["days"][number];

const DAYS: readonly Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NEW_WINDOW: FrozenWindow = { days: ["fri"], start: "16:00", end: "24:00" };

/** Return the days and hours of a window, such as "Frozen Fri, Sat 16:00 to 24:00 (UTC)". */
export function frozenText({ days, start, end }: FrozenWindow, timezone: string): string {
  const names = weekdays().filter((_, index) => days.includes(DAYS[index] as Day));
  const key = end > start ? "environments.ruleFrozen" : "environments.ruleFrozenNextDay";
  return t(key, { days: names.join(", "), start, end, timezone });
}

interface Props {
  hours: FrozenHours | null;
  set: (hours: FrozenHours | null) => void;
}

/** Fields of the hours of the week in which nothing is applied. Without windows, there are none. */
export function FrozenHoursFields({ hours, set }: Props) {
  const windows = hours?.windows ?? [];
  const zone = hours?.timezone ?? localTimeZone();
  const change = (changed: FrozenWindow[], timezone = zone) =>
    set(changed.length > 0 ? { timezone, windows: changed } : null);
  return (
    <fieldset className={css.group}>
      <legend>{t("environments.frozenHours")}</legend>
      {windows.map((window, index) => (
        <WindowFields
          // biome-ignore lint/suspicious/noArrayIndexKey: windows have no other identity
          key={index}
          window={window}
          set={(changed) => change(windows.map((each, at) => (at === index ? changed : each)))}
          remove={() => change(windows.filter((_, at) => at !== index))}
        />
      ))}
      {windows.length > 0 && (
        <Field label={t("environments.frozenTimezone")}>
          <Input value={zone} list="frozen-zones" onChange={(event) => change([...windows], event.target.value)} />
          <datalist id="frozen-zones">
            {timeZones().map((each) => (
              <option key={each} value={each} />
            ))}
          </datalist>
        </Field>
      )}
      <div>
        <Button icon="plus" onClick={() => change([...windows, NEW_WINDOW])}>
          {t("environments.addFrozenHours")}
        </Button>
      </div>
    </fieldset>
  );
}

interface WindowProps {
  window: FrozenWindow;
  set: (window: FrozenWindow) => void;
  remove: () => void;
}

function WindowFields({ window, set, remove }: WindowProps) {
  const names = weekdays();
  const toggle = (day: Day) =>
    set({ ...window, days: DAYS.filter((each) => window.days.includes(each) !== (each === day)) });
  return (
    <fieldset className={css.window} aria-label={t("environments.frozenWindow")}>
      <div className={css.row}>
        {DAYS.map((day, index) => (
          <label key={day}>
            <input type="checkbox" checked={window.days.includes(day)} onChange={() => toggle(day)} /> {names[index]}
          </label>
        ))}
      </div>
      <div className={css.row}>
        <TimeInput
          label={t("environments.frozenFrom")}
          value={window.start}
          set={(start) => set({ ...window, start })}
        />
        <TimeInput
          label={t("environments.frozenTo")}
          // The control has no 24:00. A window that ends at 00:00 ends at the same time.
          value={window.end === "24:00" ? "00:00" : window.end}
          set={(end) => set({ ...window, end: end === "00:00" ? "24:00" : end })}
        />
        <IconButton label={t("environments.removeFrozenHours")} icon="trash" onClick={remove} />
      </div>
    </fieldset>
  );
}

function TimeInput({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  return (
    <Field label={label}>
      <Input type="time" required className={css.time} value={value} onChange={(event) => set(event.target.value)} />
    </Field>
  );
}
