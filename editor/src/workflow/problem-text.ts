/** Return the message of a problem as a sentence without the node that it begins with, which the page shows beside it. */
export function problemText(message: string): string {
  // The page shows problems at their fields; the pointer is for those who read the document.
  const text = message.replace(/^node [^:]*: /, "").replace(/ in \/\S+/, "");
  // A name such as `results.orders` remains as it is.
  return /^[\w$]+[.[(]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}
