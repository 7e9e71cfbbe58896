import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { scriptSchema } from "../api/validation";

/** What a script takes by its signature, and where it cannot be read; of the text before while a new one is asked. */
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
