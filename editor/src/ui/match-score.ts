/** Return a score of 0 to 1 for a name and the typed words. Each word must be in the name or its description. */
export function matchScore(name: string, typed: string, about: string[] = []): number {
  const [lower, typedWords] = [name.toLowerCase(), typed.trim().toLowerCase()];
  if (lower === typedWords) return 1;
  if (lower.startsWith(typedWords)) return 0.9;
  const whole = `${lower} ${about.join(" ").toLowerCase()}`;
  const words = typedWords.split(/\s+/);
  if (words.every((word) => lower.includes(word))) return 0.7;
  if (!words.every((word) => whole.includes(word))) return 0;
  const wholeWords = new Set(whole.split(/[^\p{L}\p{N}]+/u));
  return words.every((word) => wholeWords.has(word)) ? 0.5 : 0.4;
}
