/** Return a debounced function: `work` runs `ms` after the last call of `soon`. */
export function debounce(ms: number, work: () => void) {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const cancel = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return {
    cancel,
    soon: (after = ms) => {
      cancel();
      timer = setTimeout(() => {
        timer = null;
        work();
      }, after);
    },
    flush: () => {
      if (timer === null) return;
      cancel();
      work();
    },
  };
}
