import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, BASE } from "./client";

/** Return the URL at which this browser reaches the server. */
const ownUrl = (): string => BASE || window.location.origin;

/** Query of the URL at which other systems reach the server, its setting ORVANTA_BASE_URL. */
const serverUrlQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["server-url", workspace],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const params = { path: { workspace } };
      const { data } = await api.GET("/api/w/{workspace}/variables/list_contextual", { params });
      const url = data?.find((each) => each.name === "OV_BASE_URL")?.value ?? ownUrl();
      return url.replace(/\/+$/, "");
    },
  });

/** Return the URL at which other systems reach the server; until it is known, the one that this browser uses. */
export const useServerUrl = (workspace: string): string => useQuery(serverUrlQuery(workspace)).data ?? ownUrl();

/** Return the origin that this browser uses if it is not that of `serverUrl`, otherwise null. */
export function otherOrigin(serverUrl: string): string | null {
  const { origin } = new URL(ownUrl());
  return origin === new URL(serverUrl).origin ? null : origin;
}
