import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";
import { routesQuery, type Schedule, schedulesQuery, ticksQuery } from "../api/triggers";
import { useEditor, useEditorStore } from "../editor/context";
import { openTrigger, type ShownTrigger } from "../editor/store";
import { Link } from "../routing/link";
import { t } from "../texts/triggers";
import { Icon } from "../ui/icon";
import { Menu } from "../ui/menu";
import css from "./start.module.css";
import { scheduleText, shortInZone } from "./times";

const MAX_SHOWN = 4;

/** The triggers of the workflow above its graph: each with its state, and a button that adds one. */
export default function StartTriggers() {
  const store = useEditorStore();
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const deployed = useEditor((editor) => editor.flow.version_id !== null);
  const readOnly = useEditor((editor) => editor.readOnly);
  const schedules = useQuery({ ...schedulesQuery(workspace, path), enabled: deployed }).data ?? [];
  const routes = useQuery({ ...routesQuery(workspace, path), enabled: deployed }).data ?? [];
  const more = schedules.length + routes.length - MAX_SHOWN;
  return (
    <ul
      className={`nodrag nopan ${css.triggers}`}
      aria-label={t("triggers.triggers")}
      data-triggers=""
      onKeyDown={moveFocus}
    >
      <Trigger icon="play" name={t("triggers.manual")} open={() => store.setState({ panel: "test" })} />
      {deployed && <Trigger icon="link" name={t("triggers.webhook")} shown={{ kind: "webhook" }} />}
      {schedules.slice(0, MAX_SHOWN).map((each) => (
        <ScheduleTrigger key={each.path} schedule={each} />
      ))}
      {routes.slice(0, Math.max(MAX_SHOWN - schedules.length, 0)).map((each) => (
        <Trigger
          key={each.path}
          icon="globe"
          name={`${each.http_method.toUpperCase()} /${each.route_path}`}
          state={each.mode === "enabled" ? t("triggers.enabled") : t("triggers.disabled")}
          off={each.mode !== "enabled"}
          shown={{ kind: "route", path: each.path }}
        />
      ))}
      {more > 0 && (
        <li>
          <Link className={css.trigger} to="?view=triggers" tabIndex={-1}>
            {t("triggers.more", { count: more })}
          </Link>
        </li>
      )}
      {!readOnly && <AddTrigger />}
    </ul>
  );
}

/** Move the focus among the triggers with the arrow keys, and from them to the graph. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  if (!event.key.startsWith("Arrow")) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>("button, a")];
  const place = stops.indexOf(event.target as HTMLElement);
  // A menu that a trigger opened has its own keys.
  if (place < 0) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "ArrowDown") document.querySelector<HTMLElement>('.react-flow__node[tabindex="0"]')?.focus();
  else if (step) stops[(place + step + stops.length) % stops.length]?.focus();
  event.preventDefault();
  // The arrow keys of the graph select nodes.
  event.stopPropagation();
}

function ScheduleTrigger({ schedule }: { schedule: Schedule }) {
  const { path, summary, enabled, timezone } = schedule;
  const next = useQuery({ ...ticksQuery(schedule.schedule, timezone), enabled }).data?.[0];
  const state = next ? t("triggers.next", { time: shortInZone(next, timezone) }) : t("triggers.active");
  return (
    <Trigger
      icon="clock"
      name={summary || scheduleText(schedule.schedule)}
      title={schedule.schedule}
      state={enabled ? state : t("triggers.paused")}
      off={!enabled}
      shown={{ kind: "schedule", path }}
    />
  );
}

interface TriggerProps {
  icon: string;
  name: string;
  /** Shown on hover. */
  title?: string;
  state?: string;
  /** The trigger starts no runs. */
  off?: boolean;
  /** Shown in the panel when it is selected, unless `open` is given. */
  shown?: ShownTrigger;
  open?: () => void;
}

function Trigger({ icon, name, title, state, off = false, shown, open }: TriggerProps) {
  const store = useEditorStore();
  const selected = useEditor(
    (editor) => editor.panel === "trigger" && JSON.stringify(editor.trigger) === JSON.stringify(shown),
  );
  const show = () => store.setState({ panel: "trigger", trigger: shown ?? null });
  return (
    <li>
      <button
        type="button"
        className={css.trigger}
        data-off={off || undefined}
        aria-pressed={selected}
        title={title}
        // The canvas is one tab stop: arrow keys lead here from the first node.
        tabIndex={-1}
        onClick={open ?? show}
      >
        <Icon name={icon} size={14} />
        <span className={css.text}>
          <span className={css.name}>{name}</span>
          {state && <span className={css.state}>{state}</span>}
        </span>
      </button>
    </li>
  );
}

/** Button with a menu of the kinds of triggers. */
function AddTrigger() {
  const store = useEditorStore();
  const [menu, setMenu] = useState<{ x: number; y: number } | null>(null);
  const item = (label: string, icon: string, kind: "schedule" | "route") => ({
    label,
    icon,
    run: () => openTrigger(store, kind),
  });
  return (
    <li>
      <button
        type="button"
        className={`${css.trigger} ${css.add}`}
        aria-label={t("triggers.add")}
        title={t("triggers.add")}
        aria-haspopup="menu"
        aria-expanded={menu !== null}
        tabIndex={-1}
        onClick={({ currentTarget }) => {
          const { left, bottom } = currentTarget.getBoundingClientRect();
          setMenu({ x: left, y: bottom + 4 });
        }}
      >
        <Icon name="plus" size={14} />
      </button>
      {menu && (
        <Menu
          label={t("triggers.add")}
          at={menu}
          groups={[
            [
              item(t("triggers.newSchedule"), "clock", "schedule"),
              item(t("triggers.newHttpTrigger"), "globe", "route"),
            ],
          ]}
          close={() => setMenu(null)}
        />
      )}
    </li>
  );
}
