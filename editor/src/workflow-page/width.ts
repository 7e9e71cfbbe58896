/** Limits of the width of a panel, in pixels. */
export const MIN_WIDTH = 360;
export const MAX_WIDTH = 720;
export const STEP = 24;

const DEFAULTS: Record<string, number> = { yaml: 608 };
const DEFAULT_WIDTH = 400;

const keyOf = (panel: string): string => `orvanta.width.${panel in DEFAULTS ? panel : "panel"}`;

export function clampWidth(width: number): number {
  return Math.round(Math.min(Math.max(width, MIN_WIDTH), MAX_WIDTH));
}

/** Return the width that this browser remembers for a panel, otherwise its default. */
export function readWidth(panel: string): number {
  const stored = Number(localStorage.getItem(keyOf(panel)));
  return stored > 0 ? clampWidth(stored) : (DEFAULTS[panel] ?? DEFAULT_WIDTH);
}

export function storeWidth(panel: string, width: number): void {
  localStorage.setItem(keyOf(panel), String(width));
}
