/** Return the message of a problem as a sentence without the node that it begins with, which the page shows beside it. */
export function problemText(message: string): string {
  const text = message.replace(/^node [^:]*: /, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
