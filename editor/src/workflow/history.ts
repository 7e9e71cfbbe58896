/** One change: at the offset `at` the text `before` became `after`. */
export interface Step {
  name: string;
  at: number;
  before: string;
  after: string;
  /** Consecutive steps with one key are joined, for example the letters of a word. */
  key: string | null;
  /** Time of its last change, in ms. */
  changed?: number;
  /** Selection before it. */
  selected?: readonly string[];
}

/** The steps, oldest first. The first `done` steps are in the text, the others can be redone. */
export interface History {
  steps: Step[];
  done: number;
}

export const EMPTY: History = { steps: [], done: 0 };
const MAX_STEPS = 500;
/** Pause in ms after which a change is a step of its own. */
export const PAUSE_MS = 5000;

/** Return the history with a step from one text to another. */
export function addStep(
  history: History,
  name: string,
  before: string,
  after: string,
  key: string | null,
  now = Date.now(),
  selected: readonly string[] = [],
): History {
  const last = history.steps[history.done - 1];
  const isRecent = now - (last?.changed ?? 0) < PAUSE_MS;
  const joined = key !== null && last?.key === key && isRecent && history.done === history.steps.length;
  const from = joined && last ? revertStep(before, last) : before;
  const steps = history.steps.slice(0, joined ? history.done - 1 : history.done);
  if (from !== after)
    steps.push({
      name,
      key,
      changed: now,
      selected: (joined && last?.selected) || selected,
      ...difference(from, after),
    });
  const recent = steps.slice(-MAX_STEPS);
  return { steps: recent, done: recent.length };
}

/** Return the history without a key of its last step, so that the next change is a step of its own. */
export function endStep(history: History): History {
  const last = history.steps[history.done - 1];
  if (!last || last.key === null) return history;
  return { ...history, steps: history.steps.with(history.done - 1, { ...last, key: null }) };
}

function difference(before: string, after: string): { at: number; before: string; after: string } {
  let at = 0;
  const shorter = Math.min(before.length, after.length);
  while (at < shorter && before[at] === after[at]) at++;
  let tail = 0;
  while (tail < shorter - at && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { at, before: before.slice(at, before.length - tail), after: after.slice(at, after.length - tail) };
}

function revertStep(text: string, step: Step): string {
  return text.slice(0, step.at) + step.before + text.slice(step.at + step.after.length);
}

function repeatStep(text: string, step: Step): string {
  return text.slice(0, step.at) + step.after + text.slice(step.at + step.before.length);
}

export const undoName = (history: History): string | null => history.steps[history.done - 1]?.name ?? null;
export const redoName = (history: History): string | null => history.steps[history.done]?.name ?? null;

export function undo(
  history: History,
  text: string,
): { history: History; text: string; selected: readonly string[] } | null {
  const step = history.steps[history.done - 1];
  if (!step) return null;
  const { selected = [] } = step;
  return { history: { ...history, done: history.done - 1 }, text: revertStep(text, step), selected };
}

export function redo(history: History, text: string): { history: History; text: string } | null {
  const step = history.steps[history.done];
  if (!step) return null;
  return { history: { ...history, done: history.done + 1 }, text: repeatStep(text, step) };
}
