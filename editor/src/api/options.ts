import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";

const ALL = { per_page: "1000" } as never;
const STALE_MS = 30_000;

/** Option of a list, by its path or name. */
export interface Option {
  value: string;
  description: string;
}

/** Query of resources by path, of one type, or of all types with "". */
export const resourcesQuery = (workspace: string, type: string) =>
  queryOptions({
    queryKey: ["resources", workspace, type],
    staleTime: STALE_MS,
    queryFn: async (): Promise<Option[]> => {
      const query = { per_page: "1000", ...(type ? { resource_type: type } : {}) } as never;
      const { data } = await api.GET("/api/w/{workspace}/resources/list", { params: { path: { workspace }, query } });
      return (data ?? []).map((each) => ({ value: `$res:${each.path}`, description: each.resource_type }));
    },
  });

export const variablesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["variables", workspace],
    staleTime: STALE_MS,
    queryFn: async (): Promise<Option[]> => {
      const { data } = await api.GET("/api/w/{workspace}/variables/list", {
        params: { path: { workspace }, query: ALL },
      });
      return (data ?? []).map((each) => ({
        value: `$var:${each.path}`,
        description: [each.is_secret && t("api.secret"), each.description].filter(Boolean).join(", "),
      }));
    },
  });

/** Query of the names of all members and groups of a workspace, `u/<username>` and `g/<name>`. */
export const principalsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["people", workspace, "names"],
    staleTime: STALE_MS,
    queryFn: async (): Promise<ReadonlySet<string>> => {
      const params = { path: { workspace } };
      const [members, groups] = await Promise.all([
        api.GET("/api/w/{workspace}/users/list_usernames", { params }),
        api.GET("/api/w/{workspace}/groups/listnames", { params }),
      ]);
      return new Set([
        ...(members.data ?? []).map((each) => `u/${each}`),
        ...(groups.data ?? []).map((each) => `g/${each}`),
        "g/all",
      ]);
    },
  });

/** Query of the members and groups of a workspace, in the format of approvers. */
export const peopleQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["people", workspace],
    staleTime: STALE_MS,
    queryFn: async (): Promise<{ members: Option[]; groups: Option[] }> => {
      const params = { path: { workspace }, query: ALL };
      const [members, groups] = await Promise.all([
        api.GET("/api/w/{workspace}/users/list", { params: { path: { workspace } } }),
        api.GET("/api/w/{workspace}/groups/list", { params }),
      ]);
      return {
        members: (members.data ?? [])
          .filter((each) => !each.disabled)
          .map((each) => ({ value: `u/${each.username}`, description: each.name || each.email })),
        groups: (groups.data ?? []).map(({ name, summary }) => ({
          value: `g/${name}`,
          // The summary of this group is a text of the server.
          description: name === "all" ? t("api.everyMember") : (summary ?? ""),
        })),
      };
    },
  });
