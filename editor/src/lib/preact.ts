import { options, type VNode } from "preact";

/** Behaviour of React that Preact lacks, and on which the page and its libraries rely. */

/**
 * Effects run right after a rendering, as in React after a click or a key. Preact waits for the next frame, so an event
 * before it would be handled with the old state: React Flow reads in an effect whether Shift is held, and the code
 * editor would receive the text without the last key.
 */
options.requestAnimationFrame = queueMicrotask;

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** Properties of the controls at their last rendering. */
const rendered = new WeakMap<EventTarget, VNode["props"] & { value?: unknown; checked?: boolean }>();
const isControl = (element: unknown): element is Control =>
  element instanceof HTMLInputElement || element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement;

const { diffed, event: prepare } = options;
// `__e` is the element of a node. Preact has no public name for it.
options.diffed = (vnode: VNode & { __e?: unknown }) => {
  diffed?.(vnode);
  if (typeof vnode.type === "string" && isControl(vnode.__e)) rendered.set(vnode.__e, vnode.props);
};

/**
 * A control shows its value, not an input that the page refused: Preact does not reset it, as nothing is rendered.
 * The rendering after an event is a microtask, so it precedes this task.
 */
options.event = (event) => {
  if ((event.type === "input" || event.type === "change") && isControl(event.target))
    setTimeout(restore, 0, event.target);
  return prepare ? prepare(event) : event;
};

function restore(control: Control): void {
  const named = control.type === "radio" ? [...document.getElementsByName(control.name)].filter(isControl) : [control];
  for (const each of named) {
    const { value, checked } = rendered.get(each) ?? {};
    if (each instanceof HTMLInputElement && /radio|checkbox/.test(each.type)) {
      if (checked !== undefined && checked !== each.checked) each.checked = checked;
    } else if (value !== undefined && String(value) !== each.value) each.value = String(value);
  }
}
