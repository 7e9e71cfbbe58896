import { i18n, type Messages } from "@lingui/core";
import { createElement, Fragment, type ReactNode } from "react";
import type { Catalogue } from "./catalogue";
import { collect } from "./collect";
import { messages as english } from "./en/shared";
import { IS_ENGLISH, LANGUAGES, type Language } from "./language";

/** "<page>.<name>": the file of `texts/en` and the name in it. */
export type Key = { [Page in keyof Catalogue & string]: `${Page}.${keyof Catalogue[Page] & string}` }[keyof Catalogue &
  string];

i18n.loadAndActivate({ locale: LANGUAGES[0], messages: english });

/** Replace English as the language of `t`. `messages` must be complete. */
export function activate(language: Language, messages: Messages): void {
  i18n.loadAndActivate({ locale: language, messages });
}

/** Add the English texts of a page that is loaded later. */
export function addPage(page: keyof Catalogue, messages: Record<string, string>): void {
  i18n.load(LANGUAGES[0], collect({ [page]: messages }));
}

/** Return a text of the page in the active language. `values` fill the placeholders of the message, in ICU format. */
export function t(key: Key, values?: Record<string, string | number>): string {
  return i18n._(key, values);
}

/**
 * Return the text for a code, or a name, that is English by itself: a message of the server, a key of a document, a key of
 * the keyboard. It is `english` in English, and without a text. `key`: "codes.<kind>_<code>". The English texts of
 * `codes.json` are for translators only; no page loads them.
 */
export function textOfCode(key: string, english: string, values?: Record<string, string | number>): string {
  if (IS_ENGLISH) return english;
  const text = i18n._(key, values);
  return text === key ? english : text;
}

const MARK = "\u0001";

/** Return a text whose placeholders `nodes` are elements, for example links. */
export function tWith(key: Key, nodes: Record<string, ReactNode>, values?: Record<string, string | number>): ReactNode {
  const marks = Object.fromEntries(Object.keys(nodes).map((name) => [name, MARK + name + MARK]));
  const parts = i18n._(key, { ...values, ...marks }).split(MARK);
  const children = parts.map((part, index) => (index % 2 === 0 ? part : nodes[part]));
  return createElement(Fragment, null, ...children);
}
