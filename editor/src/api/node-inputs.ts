import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";

/**
 * Query of the inputs that a node of a run received. `iterations`: the shown iterations (from 1) of the loops around it,
 * outermost first. `status`: that of the node; another status is fetched again, for example after a retry.
 */
export const nodeInputsQuery = (
  workspace: string,
  run: string,
  node: string,
  iterations: readonly number[],
  status: string,
) => {
  const key = ["node-inputs", workspace, run, node, iterations.join()];
  return queryOptions({
    queryKey: [...key, status],
    staleTime: Number.POSITIVE_INFINITY,
    // Those of the previous status are shown until those of the new one are fetched.
    placeholderData: (data, before) => (key.every((part, n) => part === before?.queryKey[n]) ? data : undefined),
    queryFn: async () => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/nodes/{node}/inputs", {
        params: {
          path: { run_id: run, node },
          query: iterations.length > 0 ? { iterations: iterations.map((each) => each - 1).join() } : {},
        },
        headers: { "X-Workspace": workspace },
      });
      return data ?? null;
    },
  });
};
