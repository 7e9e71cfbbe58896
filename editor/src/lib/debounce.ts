/** Work that is put off until nothing has asked for it for a while. */
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
