declare global {
  interface JSON {
    /** Return a value that JSON.stringify writes as this text. Older browsers get it here. */
    rawJSON: (text: string) => unknown;
  }
}

/** Begin of strings that stand for numbers, unknown to the authors of texts. */
const MARK = `${Math.random()}:`;

if (!JSON.rawJSON) {
  const stringify = JSON.stringify as (...args: unknown[]) => string | undefined;
  JSON.rawJSON = (text) => MARK + text;
  JSON.stringify = (...args: unknown[]) => stringify(...args)?.replace(RegExp(`"${MARK}([^"]+)"`, "g"), "$1") as string;
}

/** A number of a JSON text that a number in JavaScript would round. JSON.stringify writes it as it was. */
export class ExactNumber {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }
}

/** Return the digits of a number without its point, exponent and zeros at both ends, which rounding changes. */
const digitsOf = (text: string) => text.replace(/e.*|[.-]/gi, "").replace(/^0+|0+$/g, "");

/** Return whether a number in JavaScript would round a number of a JSON text. */
export const isRounded = (text: string) => digitsOf(`${Number(text)}`) !== digitsOf(text);

/** Numbers that may be rounded: not those of 15 digits with an exponent of two. */
const LONG = String.raw`-?(?:\d[\d.]{15}|\d[\d.]*[eE][+-]?\d{3})[\d.eE+-]*`;

/** Parse a JSON text. Numbers that JavaScript would round are ExactNumbers. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  const rounded: unknown = JSON.parse(text);
  // Strings may contain such numbers, too, but most texts contain none.
  if (!text.match(RegExp(String.raw`(?<=^|[[,:\s])${LONG}`, "g"))?.some(isRounded)) return rounded;
  let inString = false;
  const marked = text.replace(RegExp(String.raw`\\[^]|"|${LONG}`, "g"), (token) => {
    if (token === '"') inString = !inString;
    return inString || token === '"' || !isRounded(token) ? token : `"${MARK}${token}"`;
  });
  return JSON.parse(marked, (_, value) =>
    typeof value === "string" && value.startsWith(MARK) ? new ExactNumber(value.slice(MARK.length)) : value,
  );
}
