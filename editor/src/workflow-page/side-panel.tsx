import { type CSSProperties, type KeyboardEvent, useEffect, useRef } from "react";
import { useEditor, useEditorStore } from "../editor/context";
import { type EditorStore, endStepIn, type Panel } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { useSearchParams } from "../routing/hooks";
import { t } from "../texts/workflow-page";
import { IconButton } from "../ui/controls";
import css from "../ui/editor-page.module.css";
import { Skeleton } from "../ui/states";
import { TypedAhead } from "../ui/typed-ahead";
import { ResizeHandle, usePanelWidth } from "./panel-width";

const loadInspector = () => import("../inspector/inspector");
const loadDialogs = () => import("../actions/dialogs");
const loadOutline = () => import("../panels/outline");
const loadPalette = () => import("../panels/palette");
const loadProblems = () => import("../panels/problems");
const loadYaml = () => import("../panels/yaml");
const ProblemsPanel = lazyComponent(async () => ({ default: (await loadProblems()).ProblemsPanel }), <Skeleton />);
const YamlPanel = lazyComponent(async () => ({ default: (await loadYaml()).YamlPanel }), <Skeleton />);
const OutlinePanel = lazyComponent(async () => ({ default: (await loadOutline()).OutlinePanel }), <Skeleton />);
const PalettePanel = lazyComponent(async () => ({ default: (await loadPalette()).PalettePanel }), <Skeleton />);
const Inspector = lazyComponent(async () => ({ default: (await loadInspector()).Inspector }), <Skeleton />);
const Dialogs = lazyComponent(async () => ({ default: (await loadDialogs()).Dialogs }), <TypedAhead />);
const TestPanel = lazyComponent(async () => ({ default: (await import("../panels/test")).TestPanel }), <Skeleton />);

const References = lazyComponent(async () => ({ default: (await import("../references/references")).References }));
const TriggerPanel = lazyComponent(() => import("../triggers/panel"), <Skeleton />);

const PANELS = [loadInspector, loadDialogs, loadOutline, loadPalette, loadProblems, loadYaml];

/** The open dialog of the page. */
export function OpenDialog() {
  const isOpen = useEditor((editor) => editor.dialog !== null);
  const path = useEditor((editor) => editor.flow.path);
  const { workspace } = useEditorStore().getState();
  return isOpen && <Dialogs uses={<References workspace={workspace} kind="flow" path={path} />} />;
}

const TITLES: Record<Exclude<Panel, null>, string> = {
  node: t("workflow-page.node"),
  test: t("workflow-page.test"),
  yaml: t("workflow-page.yaml"),
  problems: t("workflow-page.problems"),
  outline: t("workflow-page.outline"),
  palette: t("workflow-page.nodeLibrary"),
  trigger: t("workflow-page.trigger"),
};

/** Load the inspector, the dialogs and other panels on the first movement of the pointer or the first key. */
export function usePreload(): void {
  useEffect(() => {
    const once = { once: true };
    // If the server is unreachable, they are loaded when they are opened.
    const load = () => void Promise.allSettled(PANELS.map((loadPanel) => loadPanel()));
    window.addEventListener("pointermove", load, once);
    window.addEventListener("keydown", load, once);
    return () => {
      window.removeEventListener("pointermove", load);
      window.removeEventListener("keydown", load);
    };
  }, []);
}

/** The open panel beside the canvas. */
export function SidePanel() {
  const store = useEditorStore();
  const panel = useEditor((editor) => editor.panel);
  const readOnly = useEditor((editor) => editor.readOnly);
  const wide = useEditor(
    (editor) => editor.nodeTab !== "settings" && editor.beside && editor.selection.length > 0 && !editor.edge,
  );
  const [width, setWidth] = usePanelWidth(panel ?? "");
  if (!panel) return null;
  return (
    <aside
      className={css.side}
      data-panel={panel}
      data-wide={panel === "node" && wide}
      style={{ "--panel-width": `${width}px` } as CSSProperties}
      aria-label={panel === "test" && readOnly ? t("ui.run") : TITLES[panel]}
      onKeyDown={returnToGraph}
    >
      <ResizeHandle width={width} set={setWidth} />
      <span className={css.close}>
        <IconButton label={t("ui.close")} icon="cross" onClick={() => store.setState({ panel: null })} />
      </span>
      <div className={css.content} onBlurCapture={() => endStepIn(store)}>
        {panel === "node" && <Inspector />}
        {panel === "test" && <TestPanel />}
        {panel === "yaml" && <YamlPanel />}
        {panel === "problems" && <ProblemsPanel />}
        {panel === "outline" && <OutlinePanel />}
        {panel === "palette" && <PalettePanel />}
        {panel === "trigger" && <TriggerPanel />}
      </div>
    </aside>
  );
}

/** Move the focus to the selected node on Escape, except in code, where Tab leaves the field after Escape. */
function returnToGraph(event: KeyboardEvent<HTMLElement>): void {
  const { target, currentTarget } = event;
  if (event.key !== "Escape" || event.defaultPrevented || !(target instanceof Element)) return;
  const isInCode = target.closest(".cm-editor")?.querySelector(".cm-gutters, .cm-tooltip") != null;
  if (isInCode || !currentTarget.contains(target)) return;
  const canvas = document.querySelector("[data-canvas]");
  const node = canvas?.querySelector<HTMLElement>(".react-flow__node.selected") ?? null;
  (node ?? canvas?.querySelector<HTMLElement>('.react-flow__node[tabindex="0"]'))?.focus();
  // On the graph, Escape closes the panel.
  event.stopPropagation();
}

/** Return the panel and the selection in the address, before the canvas is measured, so that the graph fits beside them. */
export function stateFromUrl(search: URLSearchParams, store: EditorStore) {
  const panel = search.get("panel") as Panel;
  const node = search.get("node");
  return {
    ...(panel && panel in TITLES ? { panel } : {}),
    ...(node && store.getState().graph.byId.has(node) ? { selection: [node] } : {}),
  };
}

/** Write the open panel and the selected node to the address. */
export function usePanelInUrl(): void {
  const [, setSearch] = useSearchParams();
  const panel = useEditor((editor) => editor.panel);
  const node = useEditor((editor) => editor.selection.at(-1) ?? null);
  const opening = useRef(true);
  // Opening a panel or node on another view leads back to the graph.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address follows the page, not vice versa
  useEffect(() => {
    if (opening.current) {
      opening.current = false;
      return;
    }
    const after = new URLSearchParams();
    if (panel) after.set("panel", panel);
    if (node) after.set("node", node);
    if (after.toString() !== new URLSearchParams(window.location.search).toString())
      setSearch(after, { replace: true });
  }, [panel, node]);
}
