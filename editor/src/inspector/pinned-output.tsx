import { useState } from "react";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { LazyCode } from "../code/lazy-code";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/inspector";
import css from "../ui/panel.module.css";
import { setField } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { pinOf } from "../workflow/pins";
import { at, type Json } from "../workflow/types";
import { EditableForm } from "./editable-form";

const MAX_SHOWN = 20_000;

/** The last output of the node, unless the test already shows it. */
export function LastResult({ node, shown }: { node: Node; shown: boolean }) {
  const known = useEditor((editor) => Object.hasOwn(editor.results, node.id));
  const result = useEditor((editor) => editor.results[node.id]);
  if (!known) return null;
  return (
    <div className={css.section}>
      <div className={css.head}>
        <h3 className={css.fill}>{shown ? t("inspector.reuseOutput") : t("inspector.lastOutput")}</h3>
        <ActionButton name="pin" words />
      </div>
      {!shown && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
        <pre className={css.value} tabIndex={0} data-last={node.id}>
          {JSON.stringify(result, null, 2).slice(0, MAX_SHOWN)}
        </pre>
      )}
    </div>
  );
}

/** The output that the node returns instead of running: entered here, or pinned from a result. */
export function PinnedOutput({ node }: { node: Node }) {
  const store = useEditorStore();
  const mock = useEditor((editor) => at(editor.tree, [...node.path, "mock"]));
  const [typed, setTyped] = useState<string | null>(null);
  const found = pinOf({ mock: mock ?? null });
  const path = [...node.path, "mock"];
  const storeMock = (next: { enabled: boolean; return_value: Json | undefined }, name: string) =>
    attempt(() =>
      apply(
        store,
        (model) => setField(model, path, { enabled: next.enabled, return_value: next.return_value ?? null }, name),
        path.join("."),
      ),
    );
  const shownText = typed ?? JSON.stringify(found?.value ?? null, null, 2);
  const fault = read(shownText).fault;
  return (
    <details className={css.section} open={found !== null}>
      <summary>{t("inspector.pinnedOutput")}</summary>
      <div className={css.inner}>
        <EditableForm>
          <label className={css.check}>
            <input
              type="checkbox"
              checked={found?.enabled ?? false}
              onChange={(event) => {
                const enabled = event.target.checked;
                const name = enabled ? t("workflow.pin", { node: node.id }) : t("workflow.unpin", { node: node.id });
                storeMock({ enabled, return_value: found?.value }, name);
              }}
            />
            <span className={css.label}>{t("inspector.returnPinned")}</span>
          </label>
          <LazyCode
            label={t("inspector.pinnedOutputOf", { node: node.id })}
            language="json"
            text={shownText}
            changed={(text) => {
              setTyped(text);
              const { value, fault: wrong } = read(text);
              const name = t("inspector.setPinned", { node: node.id });
              if (wrong === null) storeMock({ enabled: found?.enabled ?? true, return_value: value }, name);
            }}
            lines={4}
          />
        </EditableForm>
        {fault && (
          <p className={css.problem} role="alert">
            {t("inspector.invalidJson")}
          </p>
        )}
      </div>
    </details>
  );
}

function read(text: string): { value: Json | undefined; fault: string | null } {
  try {
    return { value: parseJson(text) as Json, fault: null };
  } catch (error) {
    return { value: undefined, fault: String(error) };
  }
}
