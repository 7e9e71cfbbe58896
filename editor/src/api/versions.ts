import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { Flow } from "./flows";
import type { components } from "./schema";

export type Version = components["schemas"]["Version"];
export type Difference = components["schemas"]["Difference"];

/** Side of a comparison: a version by its id, or the draft of the user. */
export type Side = number | "draft";

const PAGE = 100;

/** Query of the versions of a workflow, newest first, by pages. */
export const versionsQuery = (workspace: string, path: string) =>
  infiniteQueryOptions({
    queryKey: ["versions", workspace, path],
    initialPageParam: null as number | null,
    queryFn: async ({ pageParam }) => {
      const query = { per_page: String(PAGE), ...(pageParam === null ? {} : { before: String(pageParam) }) };
      const { data } = await api.GET("/api/w/{workspace}/versions/list/{kind}/{path}", {
        params: { path: { workspace, kind: "flow", path }, query: query as never },
      });
      return data ?? [];
    },
    getNextPageParam: (last) => (last.length < PAGE ? null : (last.at(-1)?.id ?? null)),
  });

/** Query of a version, which never changes. */
export const versionQuery = (workspace: string, id: number) =>
  queryOptions({
    queryKey: ["version", workspace, id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/versions/get/{kind}/{version}", {
        params: { path: { workspace, kind: "flow", version: id } },
      });
      return data as unknown as Flow;
    },
  });

/** Query of the difference of two sides. `revision`: that of the draft, if it is one of them. */
export const differenceQuery = (
  workspace: string,
  path: string,
  sides: readonly [Side, Side],
  revision: number | null,
) =>
  queryOptions({
    queryKey: ["difference", workspace, path, ...sides, revision],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const [before, after] = sides;
      const { data } = await api.GET("/api/w/{workspace}/versions/diff/{kind}/{path}", {
        params: {
          path: { workspace, kind: "flow", path },
          query: { before: String(before), after: String(after) } as never,
        },
      });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });
