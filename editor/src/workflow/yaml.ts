import { type DocumentOptions, stringify, type ToStringOptions } from "yaml";
import type { Json } from "./types";

// Words that YAML 1.1 reads as booleans are quoted.
const OPTIONS: ToStringOptions & DocumentOptions & { compat: "yaml-1.1" } = { lineWidth: 0, compat: "yaml-1.1" };

/** Return a value as block YAML from column 0, with a final newline. */
export function toYaml(value: Json): string {
  return stringify(value, { ...OPTIONS, aliasDuplicateObjects: false });
}

/** Return a value on one line, for a flow collection or after a key. */
export function toInlineYaml(value: Json, padded: boolean): string {
  const written = stringify([value], {
    ...OPTIONS,
    aliasDuplicateObjects: false,
    collectionStyle: "flow",
    flowCollectionPadding: padded,
  });
  return written.trim().slice(padded ? 2 : 1, padded ? -2 : -1);
}

/** Indent every line except empty ones. */
export function indent(text: string, columns: number): string {
  const pad = " ".repeat(columns);
  return text.replace(/^(?=.)/gm, pad);
}
