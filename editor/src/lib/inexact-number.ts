/** Texts and numbers of a JSON text. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Return the first whole number of a JSON text that has more digits than a number has in JavaScript, or null. */
export function inexactNumber(text: string): string | null {
  const numbers = text.match(TOKENS)?.filter((token) => /^-?[1-9]\d*$/.test(token)) ?? [];
  return numbers.find((token) => String(Number(token)) !== token) ?? null;
}
