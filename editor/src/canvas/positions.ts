import type { NodeChange } from "@xyflow/react";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useEditor, useEditorStore } from "../editor/context";
import { select } from "../editor/store";
import type { Drawn } from "./draw";
import { nodeNameId } from "./nodes/name";

/** The displayed position of an item while it is dragged, resized or animated, instead of that in the document. */
export interface DisplayedBox {
  x: number;
  y: number;
  width?: number;
  height?: number;
}
export type DisplayedBoxes = Readonly<Record<string, DisplayedBox>>;

const GLIDE_MS = 260;
const prefersReducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Return the drawn nodes with their state: selected, dragged, animated. An unchanged node is the same object as before, so
 * that a drag renders only the moved nodes.
 */
export function useDisplayedNodes(drawn: readonly Drawn[]) {
  const store = useEditorStore();
  const selection = useEditor((editor) => editor.selection);
  const [moved, setMoved] = useState<DisplayedBoxes>({});
  const gliding = useAnimatedPositions(drawn);
  // A change of the document takes precedence, for example a resized note or a change during a drag.
  const [seen, setSeen] = useState(drawn);
  if (seen !== drawn) {
    setSeen(drawn);
    setMoved({});
  }
  const previous = useRef(new Map<string, { base: Drawn; made: Drawn }>());
  const current = useRef<string | undefined>(undefined);
  const nodes = useMemo(() => {
    const chosen = new Set(selection);
    const stop = tabStop(drawn, selection, current.current);
    current.current = stop;
    const before = previous.current;
    previous.current = new Map();
    return drawn.map((base): Drawn => {
      const state = { selected: chosen.has(base.id), tabStop: base.id === stop };
      const made = withState(base, moved[base.id] ?? gliding[base.id], state, before.get(base.id));
      previous.current.set(base.id, { base, made });
      return made;
    });
  }, [drawn, selection, moved, gliding]);
  const changed = useCallback(
    (changes: NodeChange<Drawn>[]) => {
      const chosen = new Set(store.getState().selection);
      const places: Record<string, DisplayedBox> = {};
      let selects = false;
      for (const change of changes) {
        if (change.type === "position" && change.position) places[change.id] = change.position;
        if (change.type === "dimensions" && change.dimensions && change.resizing !== undefined) {
          const { width, height } = change.dimensions;
          const base = previous.current.get(change.id)?.made.position ?? { x: 0, y: 0 };
          places[change.id] = { ...base, ...places[change.id], width, height };
        }
        if (change.type === "select") {
          selects = true;
          if (change.selected) chosen.add(change.id);
          else chosen.delete(change.id);
        }
      }
      if (selects) select(store, [...chosen]);
      if (Object.keys(places).length > 0)
        setMoved((before) => ({ ...before, ...withMembers(places, previous.current) }));
    },
    [store],
  );
  return { nodes, moved, changed, settle: useCallback(() => setMoved({}), []) };
}

/** Return the one node that Tab moves to: the last selected, otherwise the previous one, otherwise the first. */
function tabStop(drawn: readonly Drawn[], selection: readonly string[], before: string | undefined) {
  const last = selection.at(-1);
  const cards = drawn.filter((node) => node.focusable !== false);
  const found = cards.find((node) => node.id === last) ?? cards.find((node) => node.id === before);
  return (found ?? cards.find((node) => node.type === "card" || node.type === "group") ?? cards[0])?.id;
}

function withState(
  base: Drawn,
  at: DisplayedBox | undefined,
  { selected, tabStop }: { selected: boolean; tabStop: boolean },
  before?: { base: Drawn; made: Drawn },
): Drawn {
  const { x, y, width = base.width, height = base.height } = at ?? (base.position as DisplayedBox);
  if (before && before.base === base) {
    const { made } = before;
    const same = made.position.x === x && made.position.y === y && made.width === width && made.height === height;
    if (same && made.selected === selected && (made.domAttributes?.tabIndex === 0) === tabStop) return made;
  }
  const named = base.type === "card" || base.type === "group" ? { "aria-labelledby": nodeNameId(base.id) } : {};
  const domAttributes = base.focusable === false ? {} : { tabIndex: tabStop ? 0 : -1, ...named };
  return { ...base, position: { x, y }, width, height, measured: { width, height }, selected, domAttributes } as Drawn;
}

/** Add the members of moved groups to the moved items. */
function withMembers(
  places: Record<string, DisplayedBox>,
  kept: Map<string, { base: Drawn; made: Drawn }>,
): DisplayedBoxes {
  const all: Record<string, DisplayedBox> = { ...places };
  for (const [id, place] of Object.entries(places)) {
    const frame = kept.get(id)?.base;
    if (frame?.type !== "frame") continue;
    const [dx, dy] = [place.x - frame.position.x, place.y - frame.position.y];
    for (const member of frame.data.group.ids) {
      const from = kept.get(member)?.base.position;
      if (from && !places[member]) all[member] = { x: from.x + dx, y: from.y + dy };
    }
  }
  return all;
}

/** Return animated positions of nodes, from the old to the new ones, after the page requested an animation. */
function useAnimatedPositions(drawn: readonly Drawn[]): DisplayedBoxes {
  const glides = useEditor((editor) => editor.animations);
  const [places, setPlaces] = useState<DisplayedBoxes>({});
  const before = useRef(new Map<string, { x: number; y: number }>());
  const handled = useRef(glides);
  useLayoutEffect(() => {
    const from = before.current;
    before.current = new Map(drawn.map((node) => [node.id, node.position]));
    if (handled.current === glides) return;
    handled.current = glides;
    if (prefersReducedMotion()) return;
    const begun = performance.now();
    let frame = 0;
    const step = (now: number) => {
      const left = (1 - Math.min((now - begun) / GLIDE_MS, 1)) ** 3;
      setPlaces(left === 0 ? {} : interpolated(from, drawn, left));
      if (left > 0) frame = requestAnimationFrame(step);
    };
    step(begun);
    return () => {
      cancelAnimationFrame(frame);
      setPlaces({});
    };
  }, [drawn, glides]);
  return places;
}

function interpolated(from: Map<string, { x: number; y: number }>, to: readonly Drawn[], left: number): DisplayedBoxes {
  const places: Record<string, DisplayedBox> = {};
  for (const node of to) {
    const start = from.get(node.id);
    const { x, y } = node.position;
    if (!start || (start.x === x && start.y === y)) continue;
    places[node.id] = { x: x + (start.x - x) * left, y: y + (start.y - y) * left };
  }
  return places;
}
