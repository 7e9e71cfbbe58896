import type { Outline } from "./outline";

/** Return the name of a node for people, or its id if it has none. */
export const nodeName = ({ byId }: Pick<Outline, "byId">, id: string): string => byId.get(id)?.summary || id;
