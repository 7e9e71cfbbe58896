import type { KeyboardEvent } from "react";
import { useEditor, useEditorStore } from "../editor/context";
import type { NodeTab } from "../editor/store";
import { t } from "../texts/inspector";
import { IconButton } from "../ui/controls";
import css from "./node-panel.module.css";

const TITLES: [NodeTab, string][] = [
  ["settings", t("inspector.settings")],
  ["input", t("ui.input")],
  ["output", t("ui.output")],
  ["logs", t("ui.logs")],
];

export const tabId = (tab: NodeTab) => `node-tab-${tab}`;
export const panelId = (tab: NodeTab) => `node-panel-${tab}`;

/** Tabs of the panel of a node. `wide`: the settings can be shown beside the others. */
export function NodeTabs({ wide }: { wide: boolean }) {
  const store = useEditorStore();
  const shown = useEditor((editor) => editor.nodeTab);
  const beside = useEditor((editor) => editor.beside);
  const press = (event: KeyboardEvent) => {
    const at = TITLES.findIndex(([tab]) => tab === shown);
    const last = TITLES.length - 1;
    const next = { ArrowRight: at < last ? at + 1 : 0, ArrowLeft: at > 0 ? at - 1 : last, Home: 0, End: last }[
      event.key
    ];
    const tab = TITLES[next ?? -1]?.[0];
    if (!tab) return;
    event.preventDefault();
    // The arrow keys of the graph select nodes.
    event.stopPropagation();
    store.setState({ nodeTab: tab });
    document.getElementById(tabId(tab))?.focus();
  };
  return (
    <div className={css.tabRow}>
      <div className={css.tabs} role="tablist" aria-label={t("inspector.nodeTabs")}>
        {TITLES.map(([tab, title]) => (
          <button
            key={tab}
            id={tabId(tab)}
            type="button"
            role="tab"
            className={css.tab}
            data-field={tab === shown ? "node-tab" : undefined}
            aria-selected={tab === shown}
            aria-controls={tab === shown ? panelId(tab) : undefined}
            tabIndex={tab === shown ? 0 : -1}
            onClick={() => store.setState({ nodeTab: tab })}
            onKeyDown={press}
          >
            {title}
          </button>
        ))}
      </div>
      {wide && shown !== "settings" && (
        <IconButton
          label={t("inspector.settingsBeside")}
          icon="rail"
          aria-pressed={beside}
          onClick={() => store.setState({ beside: !beside })}
        />
      )}
    </div>
  );
}
