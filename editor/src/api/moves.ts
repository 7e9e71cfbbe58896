import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type MoveEffect = components["schemas"]["MoveEffect"];
export type AffectedItem = components["schemas"]["AffectedItem"];

/** A workflow or script that is moved. */
export interface Moved {
  workspace: string;
  kind: "flow" | "script";
  path: string;
}

const bodyOf = ({ kind, path }: Moved, target: string) => ({ items: [{ kind, path, target }] });

/** Query of the effect of a move on the items that refer to the moved one. */
export const movePlanQuery = (moved: Moved, target: string) =>
  queryOptions({
    queryKey: ["move", moved.workspace, moved.kind, moved.path, target],
    gcTime: 0,
    retry: false,
    queryFn: async (): Promise<MoveEffect> => {
      const params = { path: { workspace: moved.workspace } };
      const { data } = await api.POST("/api/w/{workspace}/moves/plan", { params, body: bodyOf(moved, target) });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Move an item with everything that refers to it. Throws ApiError `move_refused`, `already_exists` and others. */
export async function moveItem(moved: Moved, target: string): Promise<void> {
  const params = { path: { workspace: moved.workspace } };
  await api.POST("/api/w/{workspace}/moves/apply", { params, body: bodyOf(moved, target) });
}
