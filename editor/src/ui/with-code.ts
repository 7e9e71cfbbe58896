import { createElement, Fragment, type ReactNode } from "react";

const QUOTED = /`([^`\n]+)`/;

/** Return the parts of a message of the server. Each second one is code, which the message has between backticks. */
export const codeParts = (text: string): string[] => text.split(QUOTED);

/** Return a message of the server with the parts between backticks as code. */
export function withCode(text: string): ReactNode {
  const parts = codeParts(text).map((part, index) => (index % 2 === 0 ? part : createElement("code", null, part)));
  return createElement(Fragment, null, ...parts);
}
