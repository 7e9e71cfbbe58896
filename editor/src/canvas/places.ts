import type { NodeChange } from "@xyflow/react";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useEditor, useEditorStore } from "../editing/context";
import { select } from "../editing/store";
import type { Drawn } from "./draw";

/** Where something is shown while it is dragged, sized or gliding, other than where the document has it. */
export interface Shown {
  x: number;
  y: number;
  width?: number;
  height?: number;
}
export type Places = Readonly<Record<string, Shown>>;

const GLIDE_MS = 260;
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * The drawn nodes with what is going on with them: selected, dragged, gliding. A node that nothing happened to is the
 * same object as before, so that a drag draws what moves and nothing else.
 */
export function useShown(drawn: readonly Drawn[]) {
  const store = useEditorStore();
  const selection = useEditor((editor) => editor.selection);
  const [moved, setMoved] = useState<Places>({});
  const gliding = useGlide(drawn);
  // What the document says anew counts: a note that was sized, a change while something is held.
  const [seen, setSeen] = useState(drawn);
  if (seen !== drawn) {
    setSeen(drawn);
    setMoved({});
  }
  const kept = useRef(new Map<string, { base: Drawn; made: Drawn }>());
  const nodes = useMemo(() => {
    const chosen = new Set(selection);
    const before = kept.current;
    kept.current = new Map();
    return drawn.map((base): Drawn => {
      const made = withState(base, moved[base.id] ?? gliding[base.id], chosen.has(base.id), before.get(base.id));
      kept.current.set(base.id, { base, made });
      return made;
    });
  }, [drawn, selection, moved, gliding]);
  const changed = useCallback(
    (changes: NodeChange<Drawn>[]) => {
      const chosen = new Set(store.getState().selection);
      const places: Record<string, Shown> = {};
      let selects = false;
      for (const change of changes) {
        if (change.type === "position" && change.position) places[change.id] = change.position;
        if (change.type === "dimensions" && change.dimensions && change.resizing !== undefined) {
          const { width, height } = change.dimensions;
          const base = kept.current.get(change.id)?.made.position ?? { x: 0, y: 0 };
          places[change.id] = { ...base, ...places[change.id], width, height };
        }
        if (change.type === "select") {
          selects = true;
          if (change.selected) chosen.add(change.id);
          else chosen.delete(change.id);
        }
      }
      if (selects) select(store, [...chosen]);
      if (Object.keys(places).length > 0) setMoved((before) => ({ ...before, ...withMembers(places, kept.current) }));
    },
    [store],
  );
  return { nodes, moved, changed, settle: useCallback(() => setMoved({}), []) };
}

function withState(
  base: Drawn,
  at: Shown | undefined,
  selected: boolean,
  before?: { base: Drawn; made: Drawn },
): Drawn {
  const { x, y, width = base.width, height = base.height } = at ?? (base.position as Shown);
  if (before && before.base === base) {
    const { made } = before;
    const same = made.position.x === x && made.position.y === y && made.width === width && made.height === height;
    if (same && made.selected === selected) return made;
  }
  return { ...base, position: { x, y }, width, height, measured: { width, height }, selected } as Drawn;
}

/** A frame takes with it what it holds. */
function withMembers(places: Record<string, Shown>, kept: Map<string, { base: Drawn; made: Drawn }>): Places {
  const all: Record<string, Shown> = { ...places };
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

/** After the page asked for it, nodes go from where they were to where they are now within a moment. */
function useGlide(drawn: readonly Drawn[]): Places {
  const glides = useEditor((editor) => editor.glides);
  const [places, setPlaces] = useState<Places>({});
  const before = useRef(new Map<string, { x: number; y: number }>());
  const asked = useRef(glides);
  useLayoutEffect(() => {
    const from = before.current;
    before.current = new Map(drawn.map((node) => [node.id, node.position]));
    if (asked.current === glides) return;
    asked.current = glides;
    if (calm()) return;
    const begun = performance.now();
    let frame = 0;
    const step = (now: number) => {
      const left = (1 - Math.min((now - begun) / GLIDE_MS, 1)) ** 3;
      setPlaces(left === 0 ? {} : between(from, drawn, left));
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

function between(from: Map<string, { x: number; y: number }>, to: readonly Drawn[], left: number): Places {
  const places: Record<string, Shown> = {};
  for (const node of to) {
    const start = from.get(node.id);
    const { x, y } = node.position;
    if (!start || (start.x === x && start.y === y)) continue;
    places[node.id] = { x: x + (start.x - x) * left, y: y + (start.y - y) * left };
  }
  return places;
}
