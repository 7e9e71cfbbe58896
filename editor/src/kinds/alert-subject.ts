import { kindName } from "./kind-name";

const ITEM = /^(flow|script)\/(.+)$/;

/** Return the subject of an alert as shown: a workflow or script by its kind and path, others unchanged. */
export function alertSubject(subject: string): string {
  const [, kind, path] = ITEM.exec(subject) ?? [];
  return kind ? `${kindName(kind)} ${path}` : subject;
}
