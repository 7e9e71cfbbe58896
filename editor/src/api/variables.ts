import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Variable = components["schemas"]["Variable"];

/** Query of the variables of a workspace by path; secrets have no value. */
export const variableListQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["variables", workspace, "list"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/variables/list", { params })).data ?? [];
    },
  });

export interface VariableChange {
  /** Undefined: the value of the secret does not change. */
  value: string | undefined;
  is_secret: boolean;
  description: string;
}

export async function createVariable(workspace: string, path: string, change: VariableChange): Promise<void> {
  const body = { path, ...change, value: change.value ?? "" };
  await api.POST("/api/w/{workspace}/variables/create", { params: { path: { workspace } }, body, parseAs: "text" });
}

/** Change a variable. Fails with `version_conflict` if it is not at version `base`; undefined: any. */
export async function updateVariable(
  workspace: string,
  path: string,
  change: VariableChange,
  base: string | undefined,
): Promise<void> {
  const params = { path: { workspace, path } };
  const body = { ...change, base_version: base } as never;
  await api.POST("/api/w/{workspace}/variables/update/{path}", { params, body, parseAs: "text" });
}

export async function deleteVariable(workspace: string, path: string): Promise<void> {
  const params = { path: { workspace, path } };
  await api.DELETE("/api/w/{workspace}/variables/delete/{path}", { params, parseAs: "text" });
}
