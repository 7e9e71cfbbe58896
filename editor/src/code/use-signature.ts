import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { scriptSchema } from "../api/validation";

/** Fetch the schema of the parameters of a script, or its syntax error. Returns the previous answer while loading. */
export function useSignature(workspace: string, language: string, content: string) {
  return useQuery({
    queryKey: ["signature", workspace, language, content],
    queryFn: () => scriptSchema(workspace, language, content),
    enabled: language !== "" && content !== "",
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
  });
}
