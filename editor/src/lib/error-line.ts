/** The line of the person's own code in a stack: Python names the innermost last, JavaScript first. */
export function lineOf(stack: string): number | null {
  const python = [...stack.matchAll(/File "([^"]+)", line (\d+)/g)];
  const own = python.findLast(([, file]) => !/site-packages|\/lib\/python/.test(file ?? ""));
  const found = own?.[2] ?? stack.match(/:(\d+):\d+\)?/)?.[1];
  return found === undefined ? null : Number(found);
}
