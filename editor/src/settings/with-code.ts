import { createElement, Fragment, type ReactNode } from "react";

/** Return a text of the server with the parts between backticks as code. */
export function withCode(text: string): ReactNode {
  const parts = text.split("`").map((part, index) => (index % 2 === 0 ? part : createElement("code", null, part)));
  return createElement(Fragment, null, ...parts);
}
