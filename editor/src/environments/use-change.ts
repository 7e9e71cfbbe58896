import { useMutation, useQueryClient } from "@tanstack/react-query";

/** Return a mutation that changes a request to deploy, and fetches what depends on it again. */
export function useChange(workspace: string, done?: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (change: () => Promise<void>) => change(),
    onSuccess: async () => {
      done?.();
      const keys = ["deployment-request", "deployment-requests", "environment", "deployments"];
      await Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key, workspace] })));
    },
  });
}
