import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type Difference, differenceQuery, type Side, type Version, versionQuery } from "../api/versions";
import { useEditor } from "../editor/context";
import { textOf } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { useSearchParams } from "../routing/hooks";
import { t } from "../texts/versions";
import { Button } from "../ui/controls";
import { Select } from "../ui/select";
import { Failed, Skeleton } from "../ui/states";
import { Changes, differingNodes } from "./changes";
import { DifferenceGraph } from "./graph";
import { type Sides, versionName } from "./naming";
import { type ComparedNode, NodeDifferenceDialog } from "./node-difference";
import { useRestore } from "./use-restore";
import css from "./versions.module.css";

const TextDifference = lazyComponent(() => import("../code/text-difference"), <Skeleton rows={6} />);

interface Props {
  versions: Version[];
  drafted: boolean;
  sides: Sides;
  set: (before: Side | null, after: Side) => void;
}

/** Comparison of two sides: their differences as a list, and on a graph or in the text. */
export function Comparison({ versions, drafted, sides, set }: Props) {
  const [search, setSearch] = useSearchParams();
  const { before, after } = sides;
  const beforeText = useText(before);
  const afterText = useText(after);
  const difference = useDifference(sides);
  const differing = useMemo(() => differingNodes(difference.data ?? NOTHING), [difference.data]);
  const [node, setNode] = useState<ComparedNode | null>(null);
  const viewMode = search.get("as") === "text" ? "text" : "graph";
  const show = (as: string) => {
    const next = new URLSearchParams(search);
    next.set("as", as);
    setSearch(next, { replace: true });
  };
  const all: Side[] = [...(drafted ? ["draft" as const] : []), ...versions.map((each) => each.id)];
  const error = beforeText.error ?? afterText.error ?? difference.error;
  return (
    <section className={css.comparison} aria-label={t("versions.comparison")}>
      <div className={css.head}>
        <SideSelect
          label={t("versions.from")}
          name={t("versions.compareFrom")}
          value={before}
          sides={all}
          versions={versions}
          set={(side) => set(side, after)}
        />
        <SideSelect
          label={t("versions.to")}
          name={t("versions.compareTo")}
          value={after}
          sides={all}
          versions={versions}
          set={(side) => set(before, side)}
        />
        <span className={css.views}>
          <Button
            look={viewMode === "graph" ? "main" : "plain"}
            aria-pressed={viewMode === "graph"}
            onClick={() => show("graph")}
          >
            {t("versions.graph")}
          </Button>
          <Button
            look={viewMode === "text" ? "main" : "plain"}
            aria-pressed={viewMode === "text"}
            onClick={() => show("text")}
          >
            {t("versions.text")}
          </Button>
        </span>
        {after !== "draft" && <Restore version={versions.find((each) => each.id === after)} text={afterText.text} />}
      </div>
      {error ? <Failed error={error} /> : null}
      {!error && (beforeText.text === null || afterText.text === null || (before !== null && !difference.data)) && (
        <Skeleton rows={6} />
      )}
      {beforeText.text !== null && afterText.text !== null && (before === null || difference.data) && !error && (
        <>
          <Changes difference={difference.data ?? null} first={before === null} show={setNode} />
          {viewMode === "graph" ? (
            <DifferenceGraph
              before={beforeText.text}
              after={afterText.text}
              difference={difference.data ?? NOTHING}
              names={[before === null ? "" : versionName(before, versions), versionName(after, versions)]}
              overlay={{
                note: () => null,
                choose: (id) => setNode(differing.get(id) ?? null),
                canChoose: (id) => differing.has(id),
              }}
            />
          ) : (
            <TextDifference before={beforeText.text} after={afterText.text} />
          )}
          {node && (
            <NodeDifferenceDialog
              node={node}
              before={beforeText.text}
              after={afterText.text}
              close={() => setNode(null)}
            />
          )}
        </>
      )}
    </section>
  );
}

const NOTHING: Difference = { same: true };

function SideSelect(props: {
  label: string;
  /** Name for screen readers. */
  name: string;
  value: Side | null;
  sides: Side[];
  versions: Version[];
  set: (side: Side) => void;
}) {
  const { label, name, value, sides, versions, set } = props;
  const all = value === null || sides.includes(value) ? sides : [...sides, value];
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label className={css.choose}>
      <span>{label}</span>
      <Select
        aria-label={name}
        value={value === null ? "" : String(value)}
        set={(next) => set(next === "draft" ? "draft" : Number(next))}
      >
        {value === null && <option value="">{t("versions.noVersion")}</option>}
        {all.map((side) => (
          <option key={side} value={String(side)}>
            {versionName(side, versions)}
          </option>
        ))}
      </Select>
    </label>
  );
}

/** YAML of a side: "" without a side, null while it is loading. */
function useText(side: Side | null): { text: string | null; error: unknown } {
  const workspace = useEditor((editor) => editor.workspace);
  const draft = useEditor((editor) => editor.text);
  const version = useQuery({ ...versionQuery(workspace, Number(side)), enabled: typeof side === "number" });
  if (side === null) return { text: "", error: null };
  if (side === "draft") return { text: draft, error: null };
  return { text: version.data ? textOf(version.data) : null, error: version.error };
}

/** Differences found by the server. A draft is compared once it is saved. */
function useDifference({ before, after }: Sides) {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const draft = useEditor((editor) => editor.draft);
  const drafted = before === "draft" || after === "draft";
  return useQuery({
    ...differenceQuery(workspace, path, [before ?? after, after], drafted ? draft.revision : null),
    enabled: before !== null && (!drafted || draft.state === "saved"),
  });
}

/** Button that restores an old version as a draft. */
function Restore({ version, text }: { version: Version | undefined; text: string | null }) {
  const restore = useRestore();
  const same = useEditor((editor) => editor.text === text);
  const readOnly = useEditor((editor) => editor.readOnly);
  if (!version || readOnly) return null;
  return (
    <Button icon="undo" disabled={text === null || same} onClick={() => restore(version)}>
      {t("versions.restore")}
    </Button>
  );
}
