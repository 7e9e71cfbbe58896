import type { Messages } from "@lingui/core";

/** Return the messages of the files of a catalogue by `<page>.<name>`. The build has compiled each message. */
export function collect(pages: Record<string, Record<string, string>>): Messages {
  return Object.fromEntries(
    Object.entries(pages).flatMap(([page, messages]) =>
      Object.entries(messages).map(([name, message]) => [`${page}.${name}`, message]),
    ),
  );
}
