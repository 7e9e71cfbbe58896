import { t } from "../texts/runs";
import compare from "./compare/compare.module.css";
import { CompareButton } from "./compare/compare-button";
import { useRun } from "./context";
import css from "./page.module.css";
import { TABS, type Tab } from "./selection";

export const TITLES: Record<Tab, string> = {
  graph: t("runs.graph"),
  timeline: t("runs.timeline"),
  logs: t("ui.logs"),
  data: t("runs.data"),
};

/** Tabs of the page. The run of a script has no graph. */
export function RunTabs() {
  const { workspace, id, about, selection, select } = useRun();
  const tabs: readonly Tab[] = about.is_workflow ? TABS : TABS.filter((tab) => tab !== "graph");
  const step = (from: Tab, by: number) => {
    const next = tabs[(tabs.indexOf(from) + by + tabs.length) % tabs.length];
    if (!next) return;
    select({ tab: next });
    requestAnimationFrame(() => document.getElementById(`run-tab-${next}`)?.focus());
  };
  return (
    <div className={compare.tabRow}>
      <div className={css.tabs} role="tablist" aria-label={t("runs.views")}>
        {tabs.map((tab) => (
          <button
            key={tab}
            id={`run-tab-${tab}`}
            type="button"
            role="tab"
            className={css.tab}
            aria-selected={tab === selection.tab}
            tabIndex={tab === selection.tab ? 0 : -1}
            onClick={() => select({ tab })}
            onKeyDown={(event) => {
              if (event.key === "ArrowRight") step(tab, 1);
              if (event.key === "ArrowLeft") step(tab, -1);
            }}
          >
            {TITLES[tab]}
          </button>
        ))}
      </div>
      {about.workflow && <CompareButton workspace={workspace} id={id} path={about.workflow} />}
    </div>
  );
}
