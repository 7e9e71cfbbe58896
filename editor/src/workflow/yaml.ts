import { type DocumentOptions, stringify, type ToStringOptions } from "yaml";
import type { Json } from "./types";

// Words that an older reader of YAML takes for true or false are quoted.
const OPTIONS: ToStringOptions & DocumentOptions & { compat: "yaml-1.1" } = { lineWidth: 0, compat: "yaml-1.1" };

/** A value as block YAML from column 0, ended by a newline. */
export function toYaml(value: Json): string {
  return stringify(value, { ...OPTIONS, aliasDuplicateObjects: false });
}

/** A value on one line, as it stands within a flow collection or after a key. */
export function toInlineYaml(value: Json, padded: boolean): string {
  const written = stringify([value], {
    ...OPTIONS,
    aliasDuplicateObjects: false,
    collectionStyle: "flow",
    flowCollectionPadding: padded,
  });
  return written.trim().slice(padded ? 2 : 1, padded ? -2 : -1);
}

/** Every line but empty ones moved to the right. */
export function indent(text: string, columns: number): string {
  const pad = " ".repeat(columns);
  return text.replace(/^(?=.)/gm, pad);
}
