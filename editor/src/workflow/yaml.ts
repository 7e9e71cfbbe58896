import {
  type DocumentOptions,
  parse,
  type ScalarTag,
  type SchemaOptions,
  stringify,
  type Tags,
  type ToStringOptions,
} from "yaml";
import { ExactNumber, isRounded } from "../lib/exact-number";
import type { Json } from "./types";

/** Long numbers, which are ExactNumbers if JavaScript would round them. */
const longNumber: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  test: /^-?(?=[\d.]{16}|.*[eE][+-]?\d{3})(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/,
  identify: (value) => value instanceof ExactNumber,
  resolve: (text) => (isRounded(text) ? new ExactNumber(text) : Number(text)),
  stringify: ({ value }) => String(value),
};

/** Options of texts that are read and written with all digits of their numbers. */
export const EXACT_NUMBERS: SchemaOptions = { customTags: (tags: Tags) => [longNumber, ...tags] };

// Words that YAML 1.1 reads as booleans are quoted.
const OPTIONS: ToStringOptions & DocumentOptions & SchemaOptions & { compat: "yaml-1.1" } = {
  ...EXACT_NUMBERS,
  lineWidth: 0,
  compat: "yaml-1.1",
};

/** Parse a YAML text without aliases. Throws YAMLParseError. */
export function parseYaml(text: string): Json {
  return parse(text, { ...EXACT_NUMBERS, maxAliasCount: 0 });
}

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
