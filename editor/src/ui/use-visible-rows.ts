import { type RefObject, useEffect, useState } from "react";

const OVERSCAN = 12;

/** Return the range of visible rows of a long list with rows of equal height, from `first` up to `end`, with some around. */
export function useVisibleRows(list: RefObject<HTMLElement | null>, height: number, count: number) {
  const [place, setPlace] = useState({ first: 0, end: Math.min(count, 60) });
  useEffect(() => {
    const box = list.current;
    const view = scrollParent(box);
    if (!box || !view) return;
    const update = () => {
      const above = view.getBoundingClientRect().top - box.getBoundingClientRect().top;
      const first = Math.max(Math.floor(above / height) - OVERSCAN, 0);
      const end = Math.min(Math.ceil((above + view.clientHeight) / height) + OVERSCAN, count);
      setPlace((now) => (now.first === first && now.end === end ? now : { first, end }));
    };
    update();
    view.addEventListener("scroll", update, { passive: true });
    const resized = new ResizeObserver(update);
    resized.observe(view);
    return () => {
      view.removeEventListener("scroll", update);
      resized.disconnect();
    };
  }, [list, height, count]);
  return { first: Math.min(place.first, count), end: Math.min(place.end, count) };
}

function scrollParent(box: HTMLElement | null): HTMLElement | null {
  for (let each = box?.parentElement ?? null; each; each = each.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(each).overflowY)) return each;
  }
  return document.documentElement;
}
